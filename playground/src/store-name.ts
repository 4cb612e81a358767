export const STORE = 'playground'
