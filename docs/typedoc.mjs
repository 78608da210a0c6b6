// The reference as a part of the site.
export default {
  extends: ['../typedoc.json'],
  out: 'dist/api',
  customCss: 'api.css',
  favicon: 'site/public/mark.svg',
  navigationLinks: { Site: process.env['ADJOINT_SITE_BASE'] ?? '/' },
}
