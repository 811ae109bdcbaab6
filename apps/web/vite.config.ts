import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { precompress } from './build/precompress.ts'
import { routeTable } from './build/route-table.ts'

const server = process.env['KIBAN_URL'] ?? 'http://127.0.0.1:7300'

export default defineConfig({
  // Relative, with <base> in index.html: the same build works under any path prefix.
  base: './',
  plugins: [react(), routeTable(), precompress()],
  build: {
    target: 'es2022',
    // Every asset is a file: the content security policy allows no data: address for scripts or styles.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 7310,
    proxy: { '^/(api|ajax-api|v2|projects|health|version)(/|$)': { target: server, changeOrigin: true } },
  },
})
