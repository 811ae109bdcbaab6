import { Menu, useMantineColorScheme } from '@mantine/core'
import { Link, useRouterState } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useLiveness } from '../lib/events.tsx'
import { useFormat } from '../lib/format.ts'
import { useLanguage, useT } from '../lib/i18n.tsx'
import { pathTo, useCrumbLabel, type Project } from '../lib/project.tsx'
import { useRead } from '../lib/queries.ts'
import type { MessageKey } from '../messages/index.ts'
import { Icon } from '../ui/icon.tsx'
import { Notifications } from './notifications.tsx'
import { NOUNS } from './nouns.ts'

type TopBarProps = { readonly project: Project | undefined; readonly onSearch: () => void; readonly onHelp: () => void }

/** Breadcrumb, search, the project's clock, whether the page is live, notifications, help, account. */
export function TopBar({ project, onSearch, onHelp }: TopBarProps): ReactNode {
  const t = useT()
  return (
    <header className="top">
      <Breadcrumb />
      <button type="button" className="find" onClick={onSearch}>
        <Icon name="search" />
        <span className="lbl">{t('search.open')}</span>
        <kbd>{SEARCH_KEY}</kbd>
      </button>
      {project?.clock.mode === 'replay' && <SampleClock now={project.clock.now} />}
      <LiveDot />
      {project !== undefined && <Notifications project={project.name} />}
      <button type="button" className="ib" aria-label={t('app.help')} onClick={onHelp}>
        <Icon name="help" />
      </button>
      <Account />
    </header>
  )
}

function Breadcrumb(): ReactNode {
  const t = useT()
  const label = useCrumbLabel()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const [, , project, ...rest] = path.replace(/\/$/, '').split('/').map(decodeURIComponent)
  const crumbs: { text: string; to: string }[] = project === undefined ? [] : [{ text: project, to: `/p/${project}` }]
  if (rest[0] === 'runs') rest[0] = 'experiments'
  for (const [index, part] of rest.entries()) {
    if (project === undefined || (index % 2 === 0 && index > 0)) continue
    const noun = NOUNS.find((it) => it.id === part && index === 0)
    const known: MessageKey | undefined =
      noun?.label ??
      (index === 0 && part === 'predictions'
        ? 'nav.predictions'
        : index === 0 && part === 'lineage'
          ? 'nav.lineage'
          : undefined)
    crumbs.push({
      text: known !== undefined ? t(known) : index > 1 && /^\d+$/.test(part) ? `v${part}` : part,
      to: pathTo(project, ...rest.slice(0, index + 1)),
    })
  }
  if (rest.length === 0 && project !== undefined) crumbs.push({ text: t('nav.overview'), to: path })
  const last = crumbs.at(-1)
  if (last !== undefined && label !== null && rest.length > 1) last.text = label
  return (
    <nav className="crumb" aria-label={t('app.breadcrumb')}>
      <ol>
        {crumbs.map((crumb, index) => (
          <li key={`${index} ${crumb.to}`}>
            {index === crumbs.length - 1 ? (
              <span aria-current="page">{crumb.text}</span>
            ) : (
              <Link to={crumb.to} activeOptions={{ exact: true }}>
                {crumb.text}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </nav>
  )
}

function SampleClock({ now }: { now: number }): ReactNode {
  const t = useT()
  const format = useFormat('UTC')
  return (
    <span className="clock" title={t('app.sample_clock_hint')}>
      <Icon name="clock" />
      {t('app.sample_clock', { time: format.full(now) })}
    </span>
  )
}

function LiveDot(): ReactNode {
  const t = useT()
  const format = useFormat()
  const { live, asOf, reconnect } = useLiveness()
  if (live || asOf === null) {
    return (
      <span className="live">
        <i aria-hidden="true" className={live ? '' : 'off'} />
        {t('app.live')}
      </span>
    )
  }
  return (
    <button type="button" className="live btn q" onClick={reconnect} title={t('app.reconnect')}>
      <i aria-hidden="true" className="off" />
      {t('app.not_live', { time: format.clock(asOf) })}
    </button>
  )
}

const THEMES = ['light', 'dark', 'auto'] as const
const THEME_LABELS = {
  light: 'app.theme_light',
  dark: 'app.theme_dark',
  auto: 'app.theme_system',
} as const satisfies Record<string, MessageKey>
const THEME_ICONS = { light: 'sun', dark: 'moon', auto: 'system' } as const

function Account(): ReactNode {
  const { t, locale, setLocale } = useLanguage()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const server = useRead('getServer', {})
  const name = server.data?.actor.name ?? ''
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <button type="button" className="ava" aria-label={`${initials(name)}, ${t('app.account', { name })}`}>
          {initials(name)}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('app.signed_in_as', { name })}</Menu.Label>
        <Menu.Divider />
        <Menu.Label>{t('app.language')}</Menu.Label>
        {/* The names of languages are written in themselves. */}
        <Menu.Item
          leftSection={<Icon name="globe" />}
          aria-current={locale === 'en'}
          onClick={() => setLocale('en')}
          lang="en"
        >
          {LANGUAGE_NAMES.en}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="globe" />}
          aria-current={locale === 'ja'}
          onClick={() => setLocale('ja')}
          lang="ja"
        >
          {LANGUAGE_NAMES.ja}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t('app.theme')}</Menu.Label>
        {THEMES.map((it) => (
          <Menu.Item
            key={it}
            leftSection={<Icon name={THEME_ICONS[it]} />}
            aria-current={colorScheme === it}
            onClick={() => setColorScheme(it)}
          >
            {t(THEME_LABELS[it])}
          </Menu.Item>
        ))}
        {server.data !== undefined && (
          <>
            <Menu.Divider />
            <Menu.Label>{t('app.version', { version: server.data.version })}</Menu.Label>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

const SEARCH_KEY = '⌘K'
const LANGUAGE_NAMES = { en: 'English', ja: '日本語' } as const

function initials(name: string): string {
  const words = name.split(/[\s_.-]+/).filter((word) => word !== '')
  const found = words.length > 1 ? `${words[0]![0]}${words.at(-1)![0]}` : name.slice(0, 2)
  return found === '' ? '–' : found.toUpperCase()
}
