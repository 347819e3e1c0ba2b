import type { ExportFormat } from '@yiping/contract/screen'
import { useEventListener } from '@vueuse/core'
import { computed, shallowRef, type ComputedRef } from 'vue'
import { ExportJob, type ExportAsked } from './export-job.ts'
import { canPickFile, gathered, pickedFile, wayOf } from './sink.ts'

/** It goes on while another page is looked at, and is found again there: one at a time. */
const job = shallowRef<ExportJob | null>(null)

export function useExport(format: ComputedRef<ExportFormat>, rows: ComputedRef<number | null>) {
  const way = computed(() => wayOf(canPickFile(), format.value, rows.value))
  /** Leaving the product would break it off. */
  useEventListener(window, 'beforeunload', (event) => {
    if (job.value?.state.value.name === 'running') event.preventDefault()
  })

  const begin = async (asked: ExportAsked, total: number | null, name: string): Promise<void> => {
    const sink = way.value === 'file' ? await pickedFile(name, asked.format) : gathered(name, asked.format)
    if (sink === null) return
    job.value = new ExportJob(asked, total, sink)
    await job.value.run()
  }
  const putAway = async (): Promise<void> => {
    const had = job.value
    job.value = null
    await had?.cancel()
  }
  return { job, way, begin, putAway }
}
