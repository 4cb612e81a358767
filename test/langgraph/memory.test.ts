import { memory } from 'varve/adapters/memory'
import { validateSaver } from './validate.js'

validateSaver('memory', async () => memory())
