import { expect, test } from 'vitest'
import { capacityReason, planStarts } from './queue-order.ts'

const GIB = 2 ** 30
const capacity = { cpu: 2, memoryBytes: 8 * GIB }
const job = (name: string, cpu: number, memory = 1) => ({
  id: name,
  name,
  resources: { cpu, memoryBytes: memory * GIB },
})
const names = (jobs: readonly { name: string }[]) => jobs.map((one) => one.name)

test('jobs start in their order as long as they fit', () => {
  expect(names(planStarts(capacity, [], [job('a', 1), job('b', 1), job('c', 1)]))).toEqual(['a', 'b'])
  expect(names(planStarts(capacity, [job('x', 1, 6)], [job('a', 1, 3)]))).toEqual([])
})

test('a small job does not overtake a big one that waits', () => {
  expect(names(planStarts(capacity, [job('x', 1)], [job('big', 2), job('small', 1)]))).toEqual([])
})

test('tenths of a core add up to whole ones', () => {
  expect(
    planStarts(
      { cpu: 1, memoryBytes: 64 * GIB },
      [],
      Array.from({ length: 12 }, (_, i) => job(String(i), 0.1)),
    ),
  ).toHaveLength(10)
})

test('the reason names what is short and who has it', () => {
  const reason = (holders: ReturnType<typeof job>[], asked: ReturnType<typeof job>, before = 0) =>
    capacityReason({ capacity, holders, job: asked.resources, before })
  expect(reason([job('a', 1), job('b', 1)], job('c', 1))).toBe('waits for cpu: 2 of 2 in use by a, b, it asks for 1')
  expect(reason([job('a', 1, 6)], job('c', 1, 4))).toBe(
    'waits for memory: 6.0 GiB of 8.0 GiB asked for by a, it asks for 4.0 GiB',
  )
  expect(reason([job('a', 1)], job('c', 1), 3)).toBe('waits for its turn: 3 before it')
})
