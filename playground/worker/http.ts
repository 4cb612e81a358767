// Bodies in, JSON out, errors with their code.

import { isStorageError, type StorageErrorCode } from 'varve'

const STATUS: Readonly<Partial<Record<StorageErrorCode, number>>> = {
  invalid: 400,
  denied: 403,
  missing: 404,
  conflict: 409,
  unavailable: 503,
  quota: 507,
}

/** An error that the client caused, with the status and code to answer. */
export class HttpError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.code = code
  }
}

export function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { 'cache-control': 'no-store' } })
}

/** `{ code, message }` with a fitting status. What is not our own error is logged, not shown. */
export function errorResponse(error: unknown): Response {
  if (error instanceof HttpError) return json({ code: error.code, message: error.message }, error.status)
  if (isStorageError(error)) return json({ code: error.code, message: error.message }, STATUS[error.code] ?? 500)
  console.error(error)
  return json({ code: 'internal', message: 'something went wrong' }, 500)
}

/** The body as JSON: 413 past `maxBytes`, whatever the length header says; 400 when it is not JSON. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'invalid', 'the body is not JSON')
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes)
  if (request.body === null) return ''
  const decoder = new TextDecoder()
  const reader = request.body.getReader()
  let text = ''
  let bytes = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.length
    if (bytes > maxBytes) {
      await reader.cancel()
      throw tooLarge(maxBytes)
    }
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'invalid', `the body is larger than ${maxBytes} bytes`)
}
