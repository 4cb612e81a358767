import { defineConfig } from 'vite'

const server = process.env.ORDERS_SERVER ?? 'http://127.0.0.1:8787'

export default defineConfig({
  build: { target: 'es2022' },
  server: { proxy: { '/orders': server } },
  preview: { proxy: { '/orders': server } },
})
