import { useState, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'
import { Icon } from './icon.tsx'

/** A button that copies text and says so. */
export function Copy({ text }: { text: string }): ReactNode {
  const t = useT()
  const [done, setDone] = useState(false)
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setDone(true)
      setTimeout(() => setDone(false), 2000)
    })
  }
  return (
    <button
      type="button"
      className="ib"
      aria-label={done ? t('copy.done') : t('copy.do')}
      title={done ? t('copy.done') : t('copy.do')}
      onClick={copy}
    >
      <Icon name="copy" />
      <span className="sr" aria-live="polite">
        {done ? t('copy.done') : ''}
      </span>
    </button>
  )
}

/** The first 8 digits of a hash or the tail of an id in mono, the whole of it on hover and copy. */
export function ShortHash({ hash }: { hash: string }): ReactNode {
  return (
    <span className="id" title={hash}>
      {hash.slice(0, 8)}
    </span>
  )
}
