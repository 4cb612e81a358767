/** Matched by brand, as the library does. */
export function isStorageError(error: unknown): error is Error & { readonly code: string } {
  return (error as { brand?: unknown } | undefined)?.brand === 'varve.StorageError'
}
