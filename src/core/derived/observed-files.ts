import type { AppendFile, FileStore } from '../ports/file-store.js'
import type { RequestWatch } from './request-watch.js'

export function observedFiles(below: FileStore, watch: RequestWatch): FileStore {
  return {
    bootId: () => below.bootId(),
    async open(path, options) {
      const asked = { keys: [path], signal: options.signal }
      return observedFile(await watch.run('files.open', asked, () => below.open(path, options)), path, watch)
    },
    delete: (path) => watch.run('files.delete', { keys: [path] }, () => below.delete(path)),
    list: (prefix) => watch.each('files.list', { keys: [prefix] }, () => below.list(prefix)),
  }
}

function observedFile(below: AppendFile, path: string, watch: RequestWatch): AppendFile {
  const asked = { keys: [path] }
  return {
    get size() {
      return below.size
    },
    append: (bytes) => {
      const writtenBytes = bytes.length
      return watch.run(
        'file.append',
        asked,
        () => below.append(bytes),
        () => ({ writtenBytes }),
      )
    },
    sync: (durability) => watch.run('file.sync', asked, () => below.sync(durability)),
    read: (range, memory) =>
      watch.run(
        'file.read',
        asked,
        () => below.read(range, memory),
        (bytes) => ({ readBytes: bytes.length }),
      ),
    close: () => below.close(),
  }
}
