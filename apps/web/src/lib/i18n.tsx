import { IntlMessageFormat } from 'intl-messageformat'
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react'
import { messages, type MessageKey } from '../messages/index.ts'

export const LOCALES = ['en', 'ja'] as const
export type Locale = (typeof LOCALES)[number]

type Values = Readonly<Record<string, string | number | boolean | Date | null | undefined>>
/** Formats a message of the catalogue in the language of the page. */
export type Translate = (key: MessageKey, values?: Values) => string

const STORED = 'kiban-language'
const compiled = new Map<string, IntlMessageFormat>()

/** Formats one message; ICU MessageFormat. A key that is not in the catalogue is a type error. */
export function translate(locale: Locale, key: MessageKey, values?: Values): string {
  const id = `${locale} ${key}`
  let format = compiled.get(id)
  if (format === undefined) {
    format = new IntlMessageFormat(messages[key][locale === 'en' ? 0 : 1], locale, undefined, { ignoreTag: true })
    compiled.set(id, format)
  }
  return String(format.format(values))
}

type Language = { readonly locale: Locale; readonly setLocale: (locale: Locale) => void; readonly t: Translate }
const LanguageContext = createContext<Language | null>(null)

/** Holds the language: as stored, else as the browser asks; sets `lang` of the document. */
export function LanguageProvider({ children }: { children: ReactNode }): ReactNode {
  const [locale, setLocale] = useState<Locale>(initialLocale)
  useEffect(() => {
    document.documentElement.lang = locale
  }, [locale])
  const value = useMemo<Language>(
    () => ({
      locale,
      setLocale: (next) => {
        localStorage.setItem(STORED, next)
        setLocale(next)
      },
      t: (key, values) => translate(locale, key, values),
    }),
    [locale],
  )
  return <LanguageContext value={value}>{children}</LanguageContext>
}

/** The language of the page. */
export function useLanguage(): Language {
  const language = use(LanguageContext)
  if (language === null) throw new Error('useLanguage outside of LanguageProvider')
  return language
}

/** The translate function of the page's language. */
export function useT(): Translate {
  return useLanguage().t
}

function initialLocale(): Locale {
  const stored = localStorage.getItem(STORED)
  if (stored === 'en' || stored === 'ja') return stored
  return navigator.language.startsWith('ja') ? 'ja' : 'en'
}
