/** Curves smoothed for the eye. Runs in the page. */

/**
 * The exponential moving average with its bias corrected (Kingma and Ba 2015, section 3), as TensorBoard's: with weight w of what
 * was before,
 *
 *   m_t = w m_{t-1} + (1 - w) y_t,   s_t = m_t / (1 - w^n)   of the n values so far.
 *
 * A constant stays one, and it is linear in the values. Absent values stay absent, and count for nothing. 0 leaves a curve as it is.
 */
export const smooth =
  (weight: number) =>
  (values: readonly (number | null)[]): readonly (number | null)[] => {
    if (weight <= 0) return values
    let [mean, known] = [0, 0]
    return values.map((y) => {
      if (y === null) return null
      known++
      mean = weight * mean + (1 - weight) * y
      return mean / (1 - weight ** known)
    })
  }
