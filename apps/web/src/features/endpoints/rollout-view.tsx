import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { GateMark } from '../../ui/charts/small.tsx'
import { useActorName } from '../../ui/actor.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'
import type { EndpointDetail } from './endpoint-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'

type Rollout = NonNullable<EndpointDetail['rollout']>

/** A roll-out: its steps with the bake clock, and the rules that abort it with their live values. */
export function RolloutView({
  project,
  rollout,
  active,
}: {
  project: string
  rollout: Rollout
  active: boolean
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const actor = useActorName()
  return (
    <>
      <Section
        title={
          active
            ? t('endpoint.rollout_of', { number: rollout.to.number })
            : t('endpoint.rollout_last', { number: rollout.to.number })
        }
        note={
          <>
            <Status state={rollout.state} />{' '}
            {t('endpoint.rollout_by', {
              strategy: rollout.strategy.replaceAll('_', ' '),
              name: actor(rollout.createdBy),
            })}{' '}
            <Ago at={rollout.createdAt} />
          </>
        }
        aside={
          <Link
            to={pathTo(project, 'models', rollout.to.model, 'versions', rollout.to.number)}
          >{`${rollout.to.model} v${rollout.to.number}`}</Link>
        }
      >
        <ol className="roll">
          {rollout.steps.map((step, index) => {
            const passed = rollout.state === 'done' || index < rollout.step - 1
            const current = index === rollout.step - 1 && rollout.state !== 'done'
            const share = passed ? 1 : current ? Math.min(1, rollout.stepElapsedMs / Math.max(1, rollout.bakeMs)) : 0
            return (
              <li key={step}>
                <div className="t">
                  <i style={{ width: `${share * 100}%` }} />
                </div>
                <Status state={passed ? 'passed' : current ? rollout.state : 'pending'} bare />{' '}
                <b className="b">{format.percent(step / 100, 0)}</b>
                <p className={current ? undefined : 'm'}>
                  {passed
                    ? t('endpoint.step_done')
                    : current && !active
                      ? t('endpoint.step_stopped')
                      : current
                        ? t('endpoint.step_bakes', {
                            elapsed: format.duration(rollout.stepElapsedMs),
                            bake: format.duration(rollout.bakeMs),
                            requests: format.count(rollout.stepRequests),
                            min: format.count(rollout.minRequests),
                          })
                        : t('endpoint.step_next')}
                </p>
              </li>
            )
          })}
        </ol>
        <p className={rollout.state === 'rolled_back' || rollout.state === 'failed' ? 'badc t13 gap' : 'm t13 gap'}>
          {rollout.message}
        </p>
      </Section>
      <Section title={t('endpoint.judge')}>
        {rollout.judge.length === 0 ? (
          <Nothing>{t('endpoint.judge_none')}</Nothing>
        ) : (
          <TableBox>
            <table className="compact gate">
              <thead>
                <tr>
                  <th scope="col">{t('version.rule')}</th>
                  <th scope="col" className="num">
                    {t('endpoint.now', { version: `v${rollout.to.number}` })}
                  </th>
                  <th scope="col" className="num">
                    {rollout.from === null ? '–' : t('endpoint.now', { version: `v${rollout.from.number}` })}
                  </th>
                  <th scope="col" className="num">
                    {t('endpoint.difference')}
                  </th>
                  <th scope="col" className="num">
                    {t('endpoint.limit')}
                  </th>
                  <th scope="col">{t('version.against')}</th>
                  <th scope="col">{t('endpoint.judge_state')}</th>
                </tr>
              </thead>
              <tbody>
                {rollout.judge.map((look) => (
                  <tr key={look.rule}>
                    <th scope="row" className="rule">
                      {look.rule.replaceAll('_', ' ')}
                    </th>
                    <td className="num b">{format.number(look.candidate.value)}</td>
                    <td className="num m">{format.number(look.running.value)}</td>
                    <td className="num">
                      {format.delta(look.difference)}{' '}
                      {look.interval !== null && (
                        <span className="m">
                          {t('version.interval', {
                            low: format.delta(look.interval[0]),
                            high: format.delta(look.interval[1]),
                          })}
                        </span>
                      )}
                    </td>
                    <td className="num">{format.number(look.limit)}</td>
                    <td>
                      <GateMark
                        value={look.difference}
                        limit={look.limit}
                        interval={look.interval}
                        good="below"
                        label={t('version.mark', {
                          metric: look.metric,
                          value: format.number(look.difference),
                          limit: format.number(look.limit),
                        })}
                      />
                    </td>
                    <td>
                      <Status state={look.verdict} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableBox>
        )}
      </Section>
    </>
  )
}
