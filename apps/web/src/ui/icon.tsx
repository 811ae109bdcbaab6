import type { ReactNode } from 'react'

const PATHS = {
  approvals: (
    <>
      <path d="M8 2 14 8 8 14 2 8z" />
      <path d="M5.700 8l1.600 1.600L10.300 6.600" />
    </>
  ),
  audit: <path d="M8 2l5 1.800V8c0 3-2 5-5 6-3-1-5-3-5-6V3.800z" />,
  bell: <path d="M3.500 11.500h9L11.300 9.500V7a3.300 3.300 0 0 0-6.600 0v2.500zM6.800 13.500h2.400" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="M8 4.800V8l2.200 1.500" />
    </>
  ),
  close: <path d="M4 4l8 8M12 4l-8 8" />,
  columns: <path d="M2.500 3.500h11v9h-11zM6.200 3.500v9M9.800 3.500v9" />,
  copy: <path d="M5.500 5.500h7.500V13H5.500zM10.500 5.500V3H3v7.500h2.500" />,
  datasets: (
    <>
      <ellipse cx="8" cy="4" rx="5" ry="1.8" />
      <path d="M3 4v8c0 1 2.200 1.800 5 1.800s5-.8 5-1.800V4M3 8c0 1 2.200 1.800 5 1.800s5-.8 5-1.800" />
    </>
  ),
  down: <path d="M4.500 6.500 8 10l3.500-3.500" />,
  download: <path d="M8 2.500v7M5 6.800l3 3 3-3M3 11v2.500h10V11" />,
  endpoints: <path d="M2 8h6.500M6 5.300 8.700 8 6 10.700M10.500 3h3v10h-3" />,
  environments: <path d="M8 2l5.300 3v6L8 14l-5.300-3V5zM2.700 5 8 8l5.300-3M8 8v6" />,
  experiments: <path d="M6 2.500h4M7 2.500v4L3.600 13h8.800L9 6.500v-4M5 10.500h6" />,
  file: <path d="M4 2.500h5l3 3v8H4zM9 2.500v3h3" />,
  folder: <path d="M2.500 4h4l1.500 1.800h5.500V12.500h-11z" />,
  globe: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="M2.300 8h11.400M8 2.300c3.500 3.500 3.500 8 0 11.400M8 2.300c-3.500 3.500-3.500 8 0 11.400" />
    </>
  ),
  help: (
    <>
      <circle cx="8" cy="8" r="5.7" />
      <path d="M6.300 6.500a1.700 1.700 0 1 1 2.400 1.600c-.5.2-.7.5-.7 1M8 11.200v.1" />
    </>
  ),
  jobs: <path d="M3 4h.5M3 8h.5M3 12h.5M6 4h7M6 8h7M6 12h7" />,
  left: <path d="M10 3 5 8l5 5" />,
  lineage: (
    <>
      <path d="M2.500 6.500h3v3h-3zM10.500 2.500h3v3h-3zM10.500 10.500h3v3h-3z" />
      <path d="M5.500 8c3 0 2-4 5-4M5.500 8c3 0 2 4 5 4" />
    </>
  ),
  lock: <path d="M4 7.500h8v6H4zM5.800 7.500V5.300a2.200 2.200 0 0 1 4.400 0v2.200" />,
  logo: (
    <>
      <path d="M2 13.500h12" strokeWidth="2.4" />
      <path d="M3.500 10V6.500h4V10zM8.800 10V2.800h3.900V10z" fill="currentColor" stroke="none" />
    </>
  ),
  models: <path d="M8 2.500 14 6 8 9.500 2 6zM2.500 9.500 8 12.800l5.500-3.300" />,
  monitors: <path d="M1.500 8.500h3l2-5 3 9 2-4h3" />,
  moon: <path d="M12.500 9.500A5.200 5.200 0 0 1 6.500 3.500a5.200 5.200 0 1 0 6 6z" />,
  more: <path d="M3.500 8h.1M8 8h.1M12.500 8h.1" strokeWidth="2.2" />,
  overview: <path d="M2.500 8 8 3l5.500 5M4 7v6h8V7" />,
  pipelines: (
    <>
      <circle cx="3.5" cy="4" r="1.5" />
      <circle cx="3.5" cy="12" r="1.500" />
      <circle cx="12.5" cy="8" r="1.5" />
      <path d="M5 4h1.500C9 4 8.500 8 11 8M5 12h1.500C9 12 8.500 8 11 8" />
    </>
  ),
  plus: <path d="M8 3.500v9M3.500 8h9" />,
  retry: <path d="M13 8a5 5 0 1 1-1.600-3.700M13 2.500v3h-3" />,
  right: <path d="M6 3l5 5-5 5" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.3" />
      <path d="M10.300 10.300 14 14" />
    </>
  ),
  sun: (
    <>
      <circle cx="8" cy="8" r="2.8" />
      <path d="M8 1.800v1.400M8 12.800v1.400M1.800 8h1.400M12.800 8h1.400M3.600 3.600l1 1M11.400 11.400l1 1M12.400 3.600l-1 1M4.600 11.400l-1 1" />
    </>
  ),
  sweeps: (
    <>
      <path d="M2.500 4.500h4m3 0h4M2.500 8h7m3 0h1M2.500 11.500h1m3 0h7" />
      <circle cx="8" cy="4.5" r="1.5" />
      <circle cx="11" cy="8" r="1.5" />
      <circle cx="5" cy="11.5" r="1.500" />
    </>
  ),
  system: <path d="M2.500 3.500h11v7h-11zM6 13.500h4M8 10.500v3" />,
  up: <path d="M8 13V3.500M4.500 7 8 3.500 11.500 7" />,
} as const

/** The name of an icon of the set. */
export type IconName = keyof typeof PATHS

/** A 16 px line icon. Decorative: the word beside it, or the button's label, says what it means. */
export function Icon({ name, className }: { name: IconName; className?: string }): ReactNode {
  return (
    <svg className={className === undefined ? 'i' : `i ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {PATHS[name]}
    </svg>
  )
}
