// The playground is a user of the package like any other: it imports `varve` by name and gets what browsers get.

import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
})
