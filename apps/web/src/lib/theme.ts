import { createTheme, localStorageColorSchemeManager } from '@mantine/core'

/** Light, dark or as the system says; kept in this browser. */
export const colorSchemeManager = localStorageColorSchemeManager({ key: 'kiban-theme' })

const font = 'var(--font)'

/** Mantine speaks our tokens: system fonts, radius 6, lines instead of shadows. */
export const theme = createTheme({
  fontFamily: font,
  fontFamilyMonospace: 'var(--mono)',
  headings: { fontFamily: font },
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
})

/** The nonce that the server put into the page; undefined in development, where it stays a placeholder. */
export function styleNonce(): string | undefined {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="kiban-style-nonce"]')?.content
  return nonce === undefined || nonce === '' || nonce.startsWith('__') ? undefined : nonce
}
