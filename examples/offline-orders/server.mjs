// Takes orders from pages and stores each once, however often a page sends it. node server.mjs [directory] [port]
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { openQueue, openStore } from 'varve'

const store = await openStore('shop', { directory: process.argv[2] ?? 'orders-server' })
const orders = await openQueue(store, 'orders')
const writers = new Map()

createServer(async (request, response) => {
  try {
    const { page, sequence, order } = await json(request)
    if (!writers.has(page)) writers.set(page, await orders.writer({ producerId: page, allowGaps: true }))
    const { offset, duplicate } = await writers.get(page).append(order, { sequence })
    response.writeHead(duplicate ? 200 : 201).end(JSON.stringify({ offset }))
  } catch (error) {
    response.writeHead(error.code === 'invalid' || error instanceof SyntaxError ? 400 : 503).end(error.message)
  }
}).listen(Number(process.argv[3] ?? 8787), '127.0.0.1')
