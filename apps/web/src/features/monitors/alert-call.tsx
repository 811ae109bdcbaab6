import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useChange } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'

type Alert = AnswerOf<'listAlerts'>['alerts'][number]

/** The worst open alert, said first: what, since when, by which rule, and what to do. */
export function AlertCall({
  project,
  alert,
  timeZone,
}: {
  project: string
  alert: Alert
  timeZone: string
}): ReactNode {
  const t = useT()
  const format = useFormat(timeZone)
  const acknowledge = useChange('acknowledgeAlert')
  const resolve = useChange('resolveAlert')
  return (
    <div className={`call vd ${alert.severity === 'error' ? '' : 'warn'}`}>
      <div>
        <h2>{`${t(`signal.${alert.signal}` as MessageKey) /* one message for each member of the contract's enum */}: ${alert.metric}, ${alert.windowLabel}`}</h2>
        <p>{alert.reason}</p>
        <p className="m t13">
          {t('overview.since', { time: format.time(alert.windowEndAt) })}
          {alert.acknowledgedBy !== null && ` · ${t('state.acknowledged')} ${alert.acknowledgedBy}`}
        </p>
      </div>
      <span className="a">
        <button
          type="button"
          className="btn q"
          disabled={resolve.isPending}
          onClick={() => resolve.mutate({ project, alert: alert.id, note: '' })}
        >
          {t('monitor.resolve')}
        </button>
        {alert.state === 'open' && (
          <button
            type="button"
            className="btn p"
            disabled={acknowledge.isPending}
            onClick={() => acknowledge.mutate({ project, alert: alert.id, note: '' })}
          >
            {t('monitor.acknowledge')}
          </button>
        )}
      </span>
    </div>
  )
}
