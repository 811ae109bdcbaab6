/** Mean absolute error. */
export function meanAbsoluteError(y: ArrayLike<number>, predicted: Float64Array): number {
  let sum = 0
  for (let i = 0; i < predicted.length; i++) sum += Math.abs((y[i] as number) - (predicted[i] as number))
  return sum / predicted.length
}

/** Mean squared error. */
export function meanSquaredError(y: ArrayLike<number>, predicted: Float64Array): number {
  let sum = 0
  for (let i = 0; i < predicted.length; i++) sum += ((y[i] as number) - (predicted[i] as number)) ** 2
  return sum / predicted.length
}

/** Root mean squared error. */
export function rootMeanSquaredError(y: ArrayLike<number>, predicted: Float64Array): number {
  return Math.sqrt(meanSquaredError(y, predicted))
}

/** Coefficient of determination, 1 - SSE/SST; NaN when the labels do not vary. */
export function r2Score(y: ArrayLike<number>, predicted: Float64Array): number {
  let mean = 0
  for (let i = 0; i < predicted.length; i++) mean += y[i] as number
  mean /= predicted.length
  let total = 0
  let error = 0
  for (let i = 0; i < predicted.length; i++) {
    total += ((y[i] as number) - mean) ** 2
    error += ((y[i] as number) - (predicted[i] as number)) ** 2
  }
  return total === 0 ? Number.NaN : 1 - error / total
}
