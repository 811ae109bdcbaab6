import { useEffect, useRef } from 'react'

const STORED = 'kiban-single-keys'

/** Single-key shortcuts can be switched off (WCAG 2.1.4). */
export function singleKeysOn(): boolean {
  return localStorage.getItem(STORED) !== 'off'
}

/** Switches single-key shortcuts on or off. */
export function setSingleKeys(on: boolean): void {
  localStorage.setItem(STORED, on ? 'on' : 'off')
}

type Bindings = Readonly<Record<string, (event: KeyboardEvent) => void>>

/**
 * Binds keys of the whole page: `mod+k`, a single key (`/`, `?`), or a pair (`g d`). Nothing fires while a text field has the focus
 * or an input method composes, except `mod+` keys.
 */
export function useKeys(bindings: Bindings): void {
  const current = useRef(bindings)
  useEffect(() => {
    current.current = bindings
  })
  useEffect(() => {
    let prefix = ''
    let timer: ReturnType<typeof setTimeout> | undefined
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.defaultPrevented) return
      const mod = event.metaKey || event.ctrlKey
      const name = mod ? `mod+${event.key.toLowerCase()}` : prefix === '' ? event.key : `${prefix} ${event.key}`
      if (!mod && (!singleKeysOn() || isEditing(event.target) || event.altKey)) return
      const action = current.current[name]
      clearTimeout(timer)
      prefix = ''
      if (action !== undefined) {
        event.preventDefault()
        action(event)
      } else if (event.key === 'g' && !mod) {
        prefix = 'g'
        timer = setTimeout(() => (prefix = ''), 1200)
      }
    }
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('keydown', onKey)
      clearTimeout(timer)
    }
  }, [])
}

function isEditing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  )
}
