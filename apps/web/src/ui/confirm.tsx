import { Modal } from '@mantine/core'
import { useId, useState, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'

type ConfirmProps = {
  readonly opened: boolean
  readonly title: string
  readonly body: string
  readonly action: string
  readonly danger?: boolean
  readonly onClose: () => void
  readonly onConfirm: (reason: string) => void
}

/** Says what will happen, takes a reason, then does it. */
export function ConfirmDialog({
  opened,
  title,
  body,
  action,
  danger = false,
  onClose,
  onConfirm,
}: ConfirmProps): ReactNode {
  const t = useT()
  const id = useId()
  const [reason, setReason] = useState('')
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      size={440}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <p className="t13">{body}</p>
      <div className="fld gap">
        <label htmlFor={id}>{t('common.reason')}</label>
        <input
          id={id}
          className="in"
          data-autofocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </div>
      <div className="acts gap">
        <button type="button" className="btn" onClick={onClose}>
          {t('common.cancel')}
        </button>
        <button
          type="button"
          className={danger ? 'btn d' : 'btn p'}
          onClick={() => {
            onConfirm(reason)
            onClose()
          }}
        >
          {action}
        </button>
      </div>
    </Modal>
  )
}
