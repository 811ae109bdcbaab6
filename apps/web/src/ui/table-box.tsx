import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'

/** A wide table scrolls in its own box, never the page; a box that does scroll can be reached by keyboard. */
export function TableBox({ children, gap = false }: { children: ReactNode; gap?: boolean }): ReactNode {
  const t = useT()
  const box = useRef<HTMLDivElement>(null)
  const [scrolls, setScrolls] = useState(false)
  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const observer = new ResizeObserver(() => setScrolls(element.scrollWidth > element.clientWidth + 1))
    observer.observe(element)
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild)
    return () => observer.disconnect()
  }, [])
  return (
    <div
      ref={box}
      className={gap ? 'tbox gap' : 'tbox'}
      {...(scrolls ? { tabIndex: 0, role: 'region', 'aria-label': t('common.table') } : {})}
    >
      {children}
    </div>
  )
}
