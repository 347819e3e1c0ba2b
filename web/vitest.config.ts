import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [vue()],
  test: {
    name: 'web',
    environment: 'happy-dom',
    restoreMocks: true,
    setupFiles: ['src/testing/canvas.ts'],
    // As in the unit project: modules are read once a worker.
    isolate: false,
    include: ['src/**/*.test.ts'],
  },
})
