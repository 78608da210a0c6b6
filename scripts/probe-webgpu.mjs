// Says whether Dawn finds an adapter that yields a device: prints its name and exits 0, or the reason and exits 1.
// Exit code 2: the `webgpu` package itself cannot be loaded (`npm ci` has not run).

// `process.exit` rather than a return: Dawn's own threads keep the event loop alive.
const end = (code, line) => {
  process.stdout.write(`${line}\n`, () => process.exit(code))
}

const load = () => import('webgpu').catch((error) => error)

const webgpu = await load()
if (webgpu instanceof Error) end(2, `the webgpu package cannot be loaded: ${webgpu.message}`)
else {
  Object.assign(globalThis, webgpu.globals)
  const gpu = webgpu.create([]) // must stay referenced for as long as anything made from it is used
  try {
    const adapter = await gpu.requestAdapter()
    if (adapter === null) end(1, 'no WebGPU adapter')
    else {
      const device = await adapter.requestDevice()
      const { vendor, architecture, description, device: id } = adapter.info
      device.destroy()
      end(0, [vendor, architecture, id, description].filter((part) => part !== '').join(' ') || 'unnamed adapter')
    }
  } catch (error) {
    end(1, `no usable WebGPU adapter: ${error instanceof Error ? error.message : String(error)}`)
  }
}
