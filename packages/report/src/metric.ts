/** What is known of the names in a log: the group a metric is shown in, its title, its unit, its bounds. Others show as they are. */

/** Groups in the order in which they are shown. */
export const GROUPS = [
  // Whether it learns, how far it goes, how sure it is, how long it thinks: looked at first.
  'At a glance',
  'Accuracy on held-out problems',
  'Reward',
  'Rewards by name',
  'KL and entropy',
  'Length',
  'Loss',
  'Gradients and learning rate',
  'Clipping',
  'Sampler against trainer',
  'Time',
  'Other',
] as const
export type Group = (typeof GROUPS)[number]

/** How a metric is shown. */
export interface Metric {
  readonly group: Group
  readonly title: string
  readonly unit: string
  readonly domain: readonly [number, number] | null
  /** Metrics of one family share a chart where there is one setting only; null: a chart of its own. */
  readonly family: string | null
  /** Its name within the family. */
  readonly member: string
  /** About how large the numbers are that it is computed of: what is far smaller is their rounding. 0: as large as itself. */
  readonly scale: number
}

const SHARE: readonly [number, number] = [0, 1]

interface Entry {
  readonly group: Group
  readonly title?: string
  readonly unit?: string
  readonly domain?: readonly [number, number]
  readonly family?: string
  readonly member?: string
  readonly scale?: number
}

type Rule = readonly [pattern: RegExp, entry: (match: RegExpMatchArray) => Entry]

const held = (title: string, family: string, member: string) => (): Entry => ({
  group: 'Accuracy on held-out problems',
  title,
  unit: 'share',
  domain: SHARE,
  family,
  member,
})
/** Of log-probabilities, nats: those of unlikely tokens. */
const LOGP = 10
const ANSWERS = 'Accuracy'
const SHAPES = 'Shape of the completions'

// Names of evaluations and of times stand behind the kind of their line.
const RULES: readonly Rule[] = [
  [/^evaluation\/passAt1$/, held('pass@1', ANSWERS, 'pass@1')],
  [/^evaluation\/passAtK$/, held('pass@k', ANSWERS, 'pass@k')],
  [/^evaluation\/consAtK$/, held('cons@k', ANSWERS, 'cons@k')],
  [/^evaluation\/thinkRate$/, held('Share that thinks', SHAPES, 'thinks')],
  [/^evaluation\/formatRate$/, held('Share in the template', SHAPES, 'in the template')],
  [
    /^evaluation\/meanLength$/,
    () => ({
      group: 'At a glance',
      title: 'Mean length, held-out',
      unit: 'tokens',
      family: 'Mean length',
      member: 'held-out',
    }),
  ],
  [/^evaluation\/(.+)$/, ([, name]) => ({ group: 'Accuracy on held-out problems', title: name! })],
  [/^reward$/, () => ({ group: 'At a glance', title: 'Reward' })],
  [/^reward_std$/, () => ({ group: 'Reward', title: 'Deviation of rewards within groups' })],
  [
    /^frac_reward_zero_std$/,
    () => ({ group: 'Reward', title: 'Groups without a signal (equal rewards)', unit: 'share', domain: SHARE }),
  ],
  [/reward_std|advantage|^frac_/, ({ input }) => ({ group: 'Reward', title: input! })],
  [
    /^rewards\/(.+)\/(mean|std)$/,
    ([, name, what]) => ({
      group: 'Rewards by name',
      title: `${name!}, ${what === 'mean' ? 'mean' : 'deviation'}`,
      family: what === 'mean' ? 'Mean of each reward' : 'Deviation of each reward',
      member: name!,
    }),
  ],
  [/^rewards\//, ({ input }) => ({ group: 'Rewards by name', title: input! })],
  [
    /^completions\/(mean|min|max)_length$/,
    ([, what]) => ({
      group: what === 'mean' ? 'At a glance' : 'Length',
      title: `${what === 'mean' ? 'Mean' : what === 'min' ? 'Shortest' : 'Longest'} length, training`,
      unit: 'tokens',
      family: what === 'mean' ? 'Mean length' : 'Shortest and longest',
      member: what === 'mean' ? 'training' : what === 'min' ? 'shortest' : 'longest',
    }),
  ],
  [
    /^completions\/(mean|min|max)_terminated_length$/,
    ([, what]) => ({
      group: 'Length',
      title: `${what === 'mean' ? 'Mean' : what === 'min' ? 'Shortest' : 'Longest'} length of those that ended`,
      unit: 'tokens',
      family: 'Length of those that ended',
      member: what!,
    }),
  ],
  [
    /^completions\/clipped_ratio$/,
    () => ({ group: 'Length', title: 'Cut at the longest length', unit: 'share', domain: SHARE }),
  ],
  [/^completions\//, ({ input }) => ({ group: 'Length', title: input! })],
  [/^num_tokens$/, () => ({ group: 'Length', title: 'Tokens of a step', unit: 'tokens' })],
  [
    /^(?:objective\/)?kl$/,
    () => ({ group: 'At a glance', title: 'KL to the reference', unit: 'nats per token', scale: 1 }),
  ],
  [/^entropy$/, () => ({ group: 'At a glance', title: 'Entropy', unit: 'nats per token' })],
  [
    /(?:^|\/|_)(?:kl|entropy|jsd)(?:$|\/|_)/i,
    ({ input }) => ({ group: 'KL and entropy', title: input!, unit: 'nats' }),
  ],
  [
    /^clip_ratio\/(low|high|region)_mean$/,
    ([, what]) => ({
      group: 'Clipping',
      title: `Clipped tokens, ${what!}`,
      unit: 'share',
      family: 'Clipped tokens',
      member: what!,
    }),
  ],
  [
    /^clip_ratio\/(low_min|high_max)$/,
    ([, what]) => ({
      group: 'Clipping',
      title: `Clipped tokens, ${what!.replace('_', ', ')}`,
      unit: 'share',
      family: 'Clipped tokens, extremes of the updates',
      member: what!.replace('_', ', '),
    }),
  ],
  [/^clip|clipped/, ({ input }) => ({ group: 'Clipping', title: input! })],
  [
    /^sampling\/sampling_logp_difference\/(mean|max)$/,
    ([, what]) => ({
      group: 'Sampler against trainer',
      title: `Difference of log-probabilities, ${what!}`,
      unit: 'nats',
      scale: LOGP,
      family: 'Difference of log-probabilities',
      member: what!,
    }),
  ],
  [
    /^sampling\/importance_sampling_ratio\/(min|mean|max)$/,
    ([, what]) => ({
      group: 'Sampler against trainer',
      title: `Importance ratio, ${what!}`,
      unit: 'ratio',
      scale: LOGP,
      family: 'Importance ratio',
      member: what!,
    }),
  ],
  [/^sampling\/|stale|mismatch|importance/, ({ input }) => ({ group: 'Sampler against trainer', title: input! })],
  [/^grad_norm$/, () => ({ group: 'Gradients and learning rate', title: 'Norm of the gradient' })],
  [/^learning_rate$/, () => ({ group: 'Gradients and learning rate', title: 'Learning rate' })],
  [/^grad|_norm$|^lr$/, ({ input }) => ({ group: 'Gradients and learning rate', title: input! })],
  [/^loss$/, () => ({ group: 'Loss', title: 'Loss', unit: 'nats per token' })],
  // A mean of advantages, which is 0 where the policy is that which sampled.
  [/^policy_loss$/, () => ({ group: 'Loss', title: 'Loss of the policy', scale: 1 })],
  [
    /^mean_token_accuracy$/,
    () => ({ group: 'Loss', title: 'Accuracy of the next token', unit: 'share', domain: SHARE }),
  ],
  [/^accuracy$/, () => ({ group: 'Loss', title: 'Accuracy', unit: 'share', domain: SHARE })],
  [/^margin$/, () => ({ group: 'Loss', title: 'Margin' })],
  [/loss/, ({ input }) => ({ group: 'Loss', title: input! })],
  [
    /^times\/(rollout|reward|train)$/,
    ([, what]) => ({ group: 'Time', title: `Time of ${what!}`, unit: 'ms', family: 'Time of a step', member: what! }),
  ],
  [/^times\/total$/, () => ({ group: 'Time', title: 'Time of a step, all told', unit: 'ms' })],
  [/^times\/(.+)$/, ([, name]) => ({ group: 'Time', title: name!, unit: 'ms' })],
]

/** How the metric of this name is shown; total. */
export const metricOf = (name: string): Metric => {
  for (const [pattern, entry] of RULES) {
    const match = name.match(pattern)
    if (match !== null) {
      const { group, title = name, unit = '', domain = null, family = null, member = title, scale = 0 } = entry(match)
      return { group, title, unit, domain, family, member, scale }
    }
  }
  return { group: 'Other', title: name, unit: '', domain: null, family: null, member: name, scale: 0 }
}
