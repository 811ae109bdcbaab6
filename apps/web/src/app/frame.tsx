import { useLocalStorage } from '@mantine/hooks'
import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { EventsProvider } from '../lib/events.tsx'
import { useT } from '../lib/i18n.tsx'
import { useKeys } from '../lib/keys.ts'
import { CrumbProvider, pathTo, useProject } from '../lib/project.tsx'
import { useRead } from '../lib/queries.ts'
import { Failure } from '../ui/panel.tsx'
import { KeyHelp } from './key-help.tsx'
import { NOUNS } from './nouns.ts'
import { Rail } from './rail.tsx'
import { SearchPalette } from './search-palette.tsx'
import { TopBar } from './top-bar.tsx'

/** The frame of every page of a project: rail, top bar, the page, and the keys that work everywhere. */
export function ProjectFrame(): ReactNode {
  const t = useT()
  const name = useProject()
  const navigate = useNavigate()
  const main = useRef<HTMLElement>(null)
  const [searching, setSearching] = useState(false)
  const [helping, setHelping] = useState(false)
  const [folded, setFolded] = useLocalStorage({
    key: 'kiban-rail-folded',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const project = useRead('getProject', { project: name }, { refetchMs: 5_000 })
  const path = useRouterState({ select: (state) => state.location.pathname })
  const before = useRef(path)
  useEffect(() => {
    // After a change of page, what is read next is the page, not the link that led there.
    if (before.current !== path) main.current?.focus({ preventScroll: true })
    before.current = path
  }, [path])
  useKeys({
    'mod+k': () => setSearching(true),
    '?': () => setHelping(true),
    '/': () => document.querySelector<HTMLElement>('[data-filter]')?.focus(),
    j: () => focusFirstRow(main.current),
    ...Object.fromEntries(
      NOUNS.map((noun) => [
        `g ${noun.key}`,
        () => void navigate({ to: noun.id === '' ? `/p/${name}` : pathTo(name, noun.id) }),
      ]),
    ),
  })
  return (
    <EventsProvider project={name}>
      <CrumbProvider>
        <div className={folded ? 'frame folded' : 'frame'}>
          <button type="button" className="skip" onClick={() => main.current?.focus()}>
            {t('app.skip')}
          </button>
          <Rail project={name} folded={folded} onFold={() => setFolded(!folded)} />
          <TopBar project={project.data} onSearch={() => setSearching(true)} onHelp={() => setHelping(true)} />
          <main id="main" ref={main} tabIndex={-1}>
            {project.error !== null && project.data === undefined ? (
              <Failure error={project.error} onRetry={() => void project.refetch()} />
            ) : (
              <Outlet />
            )}
          </main>
        </div>
        <SearchPalette project={name} opened={searching} onClose={() => setSearching(false)} />
        <KeyHelp opened={helping} onClose={() => setHelping(false)} />
      </CrumbProvider>
    </EventsProvider>
  )
}

function focusFirstRow(main: HTMLElement | null): void {
  main?.querySelector<HTMLElement>('tbody tr[tabindex], [role=row][tabindex]')?.focus()
}
