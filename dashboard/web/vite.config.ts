import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The server makes the compressed copies; its size check reads what is written here.
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  server: { port: 5173, proxy: { '/api': { target: 'http://127.0.0.1:5601', changeOrigin: false } } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
});
