import { useMemo } from 'react'
import { useLanguage, type Locale } from './i18n.tsx'

const MINUS = '−'
const NONE = '–'

/** Formats values as ui.md §5 says: 4 significant digits, KiB, `4 m 12 s`, relative time below a day. */
export type Format = {
  readonly locale: Locale
  /** 4 significant digits; 1.2e-3 below 0.001; grouped above 10,000. */
  number(value: number | null | undefined): string
  /** A whole number, grouped. */
  count(value: number | null | undefined): string
  /** 12.3 k, 4.1 M. */
  short(value: number | null | undefined): string
  /** With its sign; − is the true minus. */
  delta(value: number | null | undefined): string
  percent(share: number | null | undefined, digits?: number): string
  bytes(value: number | null | undefined): string
  duration(ms: number | null | undefined): string
  /** Milliseconds of latency, with unit. */
  latency(ms: number | null | undefined): string
  /** `1 Aug 06:33`, with the year when it is not this one. */
  time(ms: number | null | undefined): string
  /** `1 Aug`, `2013年8月1日`. */
  day(ms: number | null | undefined): string
  month(ms: number): string
  clock(ms: number | null | undefined): string
  /** `08:40:12`. */
  seconds(ms: number): string
  /** `Sun 1 Sep 2013, 08:40`. */
  full(ms: number | null | undefined): string
  /** Relative below 24 h, else as `time`. */
  ago(ms: number | null | undefined, now?: number): string
  compare(a: string, b: string): number
}

/** The formatter of the page's language. Times of projects on a replay clock are shown in the zone given. */
export function useFormat(timeZone?: string): Format {
  const { locale } = useLanguage()
  return useMemo(() => formatFor(locale, timeZone), [locale, timeZone])
}

/** A formatter for a language; the pure part of useFormat. */
export function formatFor(locale: Locale, timeZone?: string): Format {
  const tag = locale === 'ja' ? 'ja-JP' : 'en-GB'
  const zone = timeZone === undefined ? {} : { timeZone }
  const number = new Intl.NumberFormat(tag, { maximumSignificantDigits: 4, useGrouping: 'min2' })
  const whole = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 })
  const date = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tag, { ...zone, ...options })
  const dayTime = date({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const yearDayTime = date({
    year: 'numeric',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const dayOnly = date({ day: 'numeric', month: 'short' })
  const yearDay = date({ year: 'numeric', day: 'numeric', month: 'short' })
  const monthOnly = date({ month: 'short' })
  const clockOnly = date({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const secondsOnly = date({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  const fullDate = date({
    weekday: 'short',
    year: 'numeric',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const relative = new Intl.RelativeTimeFormat(tag, { style: locale === 'ja' ? 'long' : 'short', numeric: 'always' })
  const collator = new Intl.Collator(tag, { numeric: true })
  const thisYear = (ms: number) => new Date(ms).getFullYear() === new Date().getFullYear()
  const orNone = <T>(value: T | null | undefined, then: (value: T) => string) =>
    value === null || value === undefined || Number.isNaN(value) ? NONE : then(value)
  const plain = (value: number) => {
    if (!Number.isFinite(value)) return value > 0 ? '∞' : `${MINUS}∞`
    if (value !== 0 && Math.abs(value) < 0.001)
      return value.toExponential(1).replace('-', MINUS).replace(`e${MINUS}`, 'e-')
    return number.format(value).replace('-', MINUS)
  }
  const time = (ms: number) => (thisYear(ms) ? dayTime : yearDayTime).format(ms).replace(',', '')
  return {
    locale,
    number: (value) => orNone(value, plain),
    count: (value) => orNone(value, (it) => whole.format(it).replace('-', MINUS)),
    short: (value) =>
      orNone(value, (it) =>
        Math.abs(it) < 10_000
          ? whole.format(it)
          : Math.abs(it) < 1e6
            ? `${plain(round3(it / 1e3))} k`
            : `${plain(round3(it / 1e6))} M`,
      ),
    delta: (value) => orNone(value, (it) => (it === 0 ? '0' : `${it > 0 ? '+' : ''}${plain(it)}`)),
    percent: (share, digits = 1) =>
      orNone(share, (it) =>
        it > 0 && it * 100 < 0.5 * 10 ** -digits
          ? `< ${10 ** -digits} %`
          : `${Number((it * 100).toFixed(digits))} %`.replace('-', MINUS),
      ),
    bytes: (value) => orNone(value, bytesText),
    duration: (ms) => orNone(ms, (it) => durationText(it, locale)),
    latency: (ms) =>
      orNone(ms, (it) => (it >= 1000 ? durationText(it, locale) : `${Number(it.toPrecision(it < 1 ? 2 : 3))} ms`)),
    time: (ms) => orNone(ms, time),
    day: (ms) => orNone(ms, (it) => (thisYear(it) ? dayOnly : yearDay).format(it)),
    month: (ms) => monthOnly.format(ms),
    clock: (ms) => orNone(ms, (it) => clockOnly.format(it)),
    seconds: (ms) => secondsOnly.format(ms),
    full: (ms) => orNone(ms, (it) => fullDate.format(it).replace(/^(\w+),/, '$1')),
    ago: (ms, now = Date.now()) => orNone(ms, (it) => agoText(it, now, relative) ?? time(it)),
    compare: (a, b) => collator.compare(a, b),
  }
}

function round3(value: number): number {
  return Number(value.toPrecision(3))
}

function bytesText(value: number): string {
  if (value < 1024) return `${value} B`
  const unit = Math.min(4, Math.floor(Math.log2(value) / 10))
  const scaled = value / 1024 ** unit
  return `${Number(scaled.toPrecision(scaled >= 100 ? 3 : 2))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`
}

function durationText(ms: number, locale: Locale): string {
  const [d, h, m, s] = locale === 'ja' ? ['日', '時間', '分', '秒'] : ['d', 'h', 'm', 's']
  const gap = locale === 'ja' ? '' : ' '
  const join = (parts: [number, string][]) =>
    parts
      .filter(([n], i) => n !== 0 || i === 0)
      .map(([n, unit]) => `${n}${gap}${unit}`)
      .join(' ')
  const abs = Math.abs(ms)
  if (abs < 1000) return `${Math.round(abs)} ms`
  if (abs < 10_000) return `${(abs / 1000).toFixed(1)}${gap}${s}`
  const seconds = Math.round(abs / 1000)
  if (seconds < 60) return `${seconds}${gap}${s}`
  if (seconds < 3600)
    return join([
      [Math.floor(seconds / 60), m!],
      [seconds % 60, s!],
    ])
  if (seconds < 86_400)
    return join([
      [Math.floor(seconds / 3600), h!],
      [Math.floor((seconds % 3600) / 60), m!],
    ])
  return join([
    [Math.floor(seconds / 86_400), d!],
    [Math.floor((seconds % 86_400) / 3600), h!],
  ])
}

function agoText(ms: number, now: number, relative: Intl.RelativeTimeFormat): string | null {
  const seconds = Math.round((ms - now) / 1000)
  const abs = Math.abs(seconds)
  if (abs < 60) return relative.format(seconds === 0 ? -0 : seconds, 'second')
  if (abs < 3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (abs < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
  return null
}
