import { Modal, useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react'
import { useLanguage } from '../lib/i18n.tsx'
import { pathTo } from '../lib/project.tsx'
import { useRead } from '../lib/queries.ts'
import { NOUNS } from './nouns.ts'
import { targetPath } from './notifications.tsx'

type Entry = { readonly id: string; readonly label: string; readonly note: string; readonly run: () => void }

/** ⌘K: objects by name or id from the server, pages and settings by their words. */
export function SearchPalette({
  project,
  opened,
  onClose,
}: {
  project: string | null
  opened: boolean
  onClose: () => void
}): ReactNode {
  const { t } = useLanguage()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('search.title')}
      size={560}
      yOffset="12vh"
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Palette project={project} onClose={onClose} />
    </Modal>
  )
}

function Palette({ project, onClose }: { project: string | null; onClose: () => void }): ReactNode {
  const { t, locale, setLocale } = useLanguage()
  const { setColorScheme } = useMantineColorScheme()
  const navigate = useNavigate()
  const listId = useId()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const [settled] = useDebouncedValue(query.normalize('NFKC').trim(), 100)
  const hits = useRead(
    'search',
    { q: settled, ...(project === null ? {} : { project }) },
    { enabled: settled !== '', keep: true },
  )
  const go = (to: string) => () => void navigate({ to })
  const commands: Entry[] = [
    ...(project === null
      ? []
      : NOUNS.map((noun) => ({
          id: `go ${noun.id}`,
          label: t('search.go_to', { name: t(noun.label) }),
          note: `g ${noun.key}`,
          run: go(noun.id === '' ? `/p/${project}` : pathTo(project, noun.id)),
        }))),
    { id: 'light', label: `${t('app.theme')}: ${t('app.theme_light')}`, note: '', run: () => setColorScheme('light') },
    { id: 'dark', label: `${t('app.theme')}: ${t('app.theme_dark')}`, note: '', run: () => setColorScheme('dark') },
    {
      id: 'language',
      label: locale === 'en' ? '日本語' : 'English',
      note: t('app.language'),
      run: () => setLocale(locale === 'en' ? 'ja' : 'en'),
    },
  ]
  const words = query.normalize('NFKC').trim().toLowerCase()
  const found =
    settled === ''
      ? []
      : (hits.data?.hits ?? []).map((hit): Entry => ({
          id: `${hit.kind} ${hit.id}`,
          label: hit.name,
          note: `${hit.kind.replaceAll('_', ' ')} · ${hit.project}`,
          run: go(hit.path.startsWith('/') ? hit.path : targetPath(hit.project, hit)),
        }))
  const entries = [
    ...found.slice(0, 12),
    ...commands.filter((it) => words === '' || it.label.toLowerCase().includes(words)),
  ].slice(0, 16)
  const chosen = Math.min(at, entries.length - 1)
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return
    onClose()
    entry.run()
  }
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      setAt((chosen + (event.key === 'ArrowDown' ? 1 : entries.length - 1)) % Math.max(1, entries.length))
    }
    if (event.key === 'Enter') run(entries[chosen])
  }
  return (
    <div className="palette">
      <input
        className="in"
        role="combobox"
        aria-expanded={entries.length > 0}
        aria-controls={listId}
        aria-activedescendant={entries.length > 0 ? `${listId}-${chosen}` : undefined}
        aria-label={t('search.title')}
        placeholder={t('search.placeholder')}
        data-autofocus
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKey}
      />
      <div role="listbox" id={listId} aria-label={t('search.title')}>
        {entries.map((entry, index) => (
          // The keyboard acts through the field: aria-activedescendant.
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
          <div
            key={entry.id}
            role="option"
            id={`${listId}-${index}`}
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => run(entry)}
          >
            <span className="nm">{entry.label}</span>
            <span className="m t12">{entry.note}</span>
          </div>
        ))}
      </div>
      {entries.length === 0 && <p className="m t13">{t('search.none', { query })}</p>}
      <p className="m t12 hint">{t('search.hint')}</p>
      <span className="sr" aria-live="polite">
        {t('search.results', { count: entries.length })}
      </span>
    </div>
  )
}
