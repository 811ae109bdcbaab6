import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { expect, test } from 'vitest'
import { canTellPeer, parseSocketTable, peerOwner } from './peer-owner.ts'

test('only established rows of the socket table count', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1C84 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:C350 0100007F:1C84 01 00000000:00000000 00:00000000 00000000  1000        0 2 1
   2: 0100007F:C351 0100007F:1C84 06 00000000:00000000 00:00000000 00000000     0        0 0 1
`
  expect(parseSocketTable(table)).toEqual([{ localPort: 50000, remotePort: 7300, uid: 1000 }])
})

test.runIf(canTellPeer)('the owner of the other end of a real connection is found', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const client = connect(port, '127.0.0.1')
  expect(await peerOwner(await accepted)).toBe(process.getuid?.())
  client.destroy()
  server.close()
})
