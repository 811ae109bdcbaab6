import { Menu } from '@mantine/core'
import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import { useId, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'
import { pathTo } from '../lib/project.tsx'
import { useRead } from '../lib/queries.ts'
import { Icon } from '../ui/icon.tsx'
import { NOUN_GROUPS, type Noun, type NounGroup } from './nouns.ts'

/** The rail: project switch, then the nouns in the order that work flows. Folds to icons. */
export function Rail({ project, folded, onFold }: { project: string; folded: boolean; onFold: () => void }): ReactNode {
  const t = useT()
  const monitors = useRead('listMonitors', { project })
  const jobs = useRead('listJobs', { project, active: 'true', limit: 100 })
  const alerts = monitors.data?.monitors.reduce((sum, monitor) => sum + monitor.openAlerts, 0) ?? 0
  const counts: Record<string, { readonly n: number; readonly need: boolean }> = {
    monitors: { n: alerts, need: true },
    jobs: { n: jobs.data?.jobs.length ?? 0, need: false },
  }
  return (
    <nav className="rail" aria-label={t('app.main')}>
      <ProjectSwitch project={project} />
      <div className="rail-scroll">
        {NOUN_GROUPS.map((group) => (
          <RailGroup key={group.label ?? 'top'} group={group} project={project} counts={counts} />
        ))}
      </div>
      <div className="end">
        <button type="button" onClick={onFold} aria-label={folded ? t('app.unfold') : t('app.fold')}>
          <Icon name={folded ? 'right' : 'left'} />
          <span>{t('app.fold')}</span>
        </button>
      </div>
    </nav>
  )
}

function RailGroup({
  group,
  project,
  counts,
}: {
  group: NounGroup
  project: string
  counts: Record<string, { n: number; need: boolean }>
}): ReactNode {
  const t = useT()
  const id = useId()
  return (
    <>
      {group.label !== null && (
        <p className="grp" id={id}>
          {t(group.label)}
        </p>
      )}
      <ul {...(group.label === null ? {} : { 'aria-labelledby': id })}>
        {group.nouns.map((noun) => (
          <RailItem key={noun.id} noun={noun} project={project} count={counts[noun.id]} />
        ))}
      </ul>
    </>
  )
}

function RailItem({
  noun,
  project,
  count,
}: {
  noun: Noun
  project: string
  count: { n: number; need: boolean } | undefined
}): ReactNode {
  const t = useT()
  const here = useRouterState({ select: (state) => state.location.pathname })
  const to = noun.id === '' ? `/p/${project}` : pathTo(project, noun.id)
  const current = noun.id === '' ? here.replace(/\/$/, '') === to : here === to || here.startsWith(`${to}/`)
  return (
    <li>
      <Link to={to} aria-current={current ? 'page' : undefined} activeOptions={{ exact: true }} title={t(noun.label)}>
        <Icon name={noun.icon} />
        <span className="lbl">{t(noun.label)}</span>
        {count !== undefined && count.n > 0 && <span className={count.need ? 'n need' : 'n'}>{count.n}</span>}
      </Link>
    </li>
  )
}

function ProjectSwitch({ project }: { project: string }): ReactNode {
  const t = useT()
  const navigate = useNavigate()
  const projects = useRead('listProjects', {})
  return (
    <Menu position="bottom-start" width={240} offset={0}>
      <Menu.Target>
        <button type="button" className="proj" aria-label={t('app.project_switch', { name: project })}>
          <Icon name="logo" className="logo" />
          <span>{project}</span>
          <Icon name="down" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {projects.data?.projects.map((it) => (
          <Menu.Item key={it.id} onClick={() => void navigate({ to: `/p/${it.name}` })}>
            {it.name}
            <span className="m t12 block">{it.title}</span>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => void navigate({ to: '/' })}>{t('app.home')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
