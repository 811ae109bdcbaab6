import { Modal } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'
import { setSingleKeys, singleKeysOn } from '../lib/keys.ts'
import { NOUNS } from './nouns.ts'

/** The list of shortcuts, and the switch that turns single keys off. */
export function KeyHelp({ opened, onClose }: { opened: boolean; onClose: () => void }): ReactNode {
  const t = useT()
  const [on, setOn] = useState(singleKeysOn)
  const rows: readonly (readonly [string, string])[] = [
    ['⌘K', t('keys.search')],
    ['/', t('keys.filter')],
    ['j k', t('keys.move')],
    ['Enter', t('keys.open')],
    ['?', t('keys.help')],
    ...NOUNS.map((noun) => [`g ${noun.key}`, t('keys.go', { name: t(noun.label) })] as const),
  ]
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('app.keys')}
      size={440}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <dl className="kv keys">
        {rows.map(([key, what]) => (
          <div key={key} className="kvr">
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className="check t13">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => {
            setSingleKeys(event.currentTarget.checked)
            setOn(event.currentTarget.checked)
          }}
        />
        {t('app.keys_single')}
      </label>
    </Modal>
  )
}
