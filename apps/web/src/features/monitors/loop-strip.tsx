import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { ConfirmDialog } from '../../ui/confirm.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'

type Loop = AnswerOf<'listLoops'>['loops'][number]
type Firing = NonNullable<Loop['lastFiring']>

/** The closed loop as one strip: monitor, retrain, gate, approve, rollout, watch, each with its state and reason. */
export function LoopStrip({
  project,
  loop,
  history = false,
  first = false,
}: {
  project: string
  loop: Loop
  history?: boolean
  first?: boolean
}): ReactNode {
  const t = useT()
  const enable = useChange('enableLoop')
  const disable = useChange('disableLoop')
  const [asking, setAsking] = useState(false)
  const firings = useRead('listLoopFirings', { project, loop: loop.name, limit: 12 }, { enabled: history })
  const earlier = firings.data?.firings.filter((firing) => firing.id !== loop.lastFiring?.id) ?? []
  return (
    <Section
      first={first}
      title={t('loop.title', { name: loop.name })}
      note={
        <>
          {loop.limits.perMonth === null
            ? t('loop.limits_none', { count: loop.firingsThisMonth })
            : t('loop.limits', { count: loop.firingsThisMonth, max: loop.limits.perMonth })}
          {loop.blockedReason !== null && ` · ${loop.blockedReason}`}
        </>
      }
      aside={
        <button
          type="button"
          className="btn q"
          onClick={() => (loop.enabled ? setAsking(true) : enable.mutate({ project, loop: loop.name }))}
        >
          {loop.enabled ? t('loop.stop') : t('loop.enable')}
        </button>
      }
    >
      {loop.lastFiring === null ? (
        <Nothing>{t('loop.never')}</Nothing>
      ) : (
        <FiringStrip project={project} loop={loop} firing={loop.lastFiring} />
      )}
      {earlier.length > 0 && (
        <>
          <h3 className="gap">{t('loop.history')}</h3>
          <ul className="lines">
            {earlier.map((firing) => (
              <li key={firing.id} className="row">
                <Status state={firing.state} /> <span>{t('loop.firing', { number: firing.number })}</span>{' '}
                <span className="m">{firing.reason}</span> <Ago at={firing.createdAt} />
              </li>
            ))}
          </ul>
        </>
      )}
      <ConfirmDialog
        opened={asking}
        title={t('loop.title', { name: loop.name })}
        body={loop.description ?? loop.pipeline}
        action={t('loop.stop')}
        danger
        onClose={() => setAsking(false)}
        onConfirm={() => disable.mutate({ project, loop: loop.name })}
      />
    </Section>
  )
}

function FiringStrip({ project, loop, firing }: { project: string; loop: Loop; firing: Firing }): ReactNode {
  const t = useT()
  const format = useFormat()
  return (
    <>
      <p className="t13">
        <Status state={firing.state} label={t('loop.firing', { number: firing.number })} /> {firing.reason}{' '}
        <span className="m">{format.ago(firing.createdAt)}</span>
      </p>
      <ol className="loop0 gap">
        {firing.links.map((link) => {
          const to = linkPath(project, loop, firing, link)
          const name = t(`loop.link_${link.link}` as MessageKey) // one message for each member of the contract's enum
          return (
            <li key={link.link} title={link.reason}>
              <Status state={link.state} bare /> {to === null ? name : <Link to={to}>{name}</Link>}
              <span className="m t12">{link.reason}</span>
            </li>
          )
        })}
      </ol>
    </>
  )
}

function linkPath(project: string, loop: Loop, firing: Firing, link: Firing['links'][number]): string | null {
  if (link.state === 'pending' || link.state === 'skipped') return null
  switch (link.link) {
    case 'monitor':
    case 'watch':
      return pathTo(project, 'monitors', firing.trigger.monitor)
    case 'retrain':
      return firing.pipelineRunId === null
        ? null
        : pathTo(project, 'pipelines', loop.pipeline, 'runs', firing.pipelineRunId)
    case 'gate':
    case 'approve':
      return firing.modelVersionNumber === null
        ? null
        : pathTo(project, 'models', loop.model, 'versions', firing.modelVersionNumber)
    case 'rollout':
      return loop.endpoint === null ? null : pathTo(project, 'endpoints', loop.endpoint)
  }
}
