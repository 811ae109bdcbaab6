/**
 * What a correct replay shows, measured with plain Python on the same data (`examples/flights/check-figures.py`). Counts are exact;
 * the others hold within the tolerances.
 */
export const TOLERANCE = { auc: 0.005, log_loss: 0.006, ece: 0.01, f1: 0.015 } as const

export const EXPECTED = {
  v1: { rows: 12_836, auc: 0.7417, log_loss: 0.4538, ece: 0.016, f1: 0.447 },
  v2: { auc: 0.779, log_loss: 0.5107, ece: 0.014, f1: 0.611 },
  /** Expected calibration error of production by month: v1 until July, then v1 and v2 in August, v2 after. */
  eceOfMonth: { '2013-04': 0.073, '2013-05': 0.012, '2013-06': 0.059, '2013-07': 0.066 } as Readonly<
    Record<string, number>
  >,
  /** Of April to December; of the whole year it is 97.2 %. */
  labelCoverage: 0.9745,
  brokenMonth: { primaryKey: 100, origin_known: 25 },
  impossibleWind: 1,
  outageStationDays: 6,
  alertMonth: '2013-07',
} as const
