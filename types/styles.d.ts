/** Style sheets that a bundler takes from an import. */
declare module '*.css'
