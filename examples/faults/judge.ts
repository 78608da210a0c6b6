/** A judge behind an endpoint, from both sides: what it is asked, what it answers, and how it misbehaves. */
import {
  cached,
  chainSteps,
  describeTeacherError,
  endpointTeacher,
  type Reward,
  type RewardError,
  type TraceCache,
} from '@adjoint/rl'
import { answer, type Behaviour, body, misbehavingEndpoint, part, reset, status } from '@adjoint/testing/endpoint'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type EndpointFault, ENDPOINT_FAULTS, endpointFault, isOutage, JUDGE_RETRIES } from './schedule.ts'

const question = (prompt: string, completion: string): string => `${prompt}\n${completion}`

/** The share of the running values of a chain that a completion has right. */
export const judgement = (prompt: string, completion: string): number => {
  const digits = [...prompt.matchAll(/\d/g)].map(([d]) => Number(d))
  const operators = [...prompt.matchAll(/[-+*]/g)].map(([op]) => op as '+' | '-' | '*')
  const wanted = chainSteps({ digits, operators })
  const said = /<think>(\d*)<\/think>/.exec(completion)?.[1] ?? ''
  return wanted.filter((value, i) => said[i] === String(value)).length / wanted.length
}

/** The judge as a reward: asked through retries, and through a cache on disk that outlives a kill. */
export const judge = (baseUrl: string, cache: TraceCache): Reward<unknown> => {
  const teacher = cached(cache)(
    endpointTeacher({
      baseUrl,
      model: 'judge',
      temperature: 0,
      maxTokens: 64,
      concurrency: 8,
      retries: JUDGE_RETRIES,
      backoff: { base: 2, max: 8 },
    }),
  )
  return ({ prompt, completion }) =>
    pipe(
      teacher.ask(question(prompt, completion)),
      TE.mapLeft((error): RewardError => ({ _tag: 'RewardFailed', message: describeTeacherError(error) })),
      TE.map((trace) => Number(trace.answer)),
    )
}

/** What the endpoint did so far. */
export type Served = Readonly<Record<EndpointFault | 'answered' | 'outage', number>>

/** A running judge. */
export interface JudgeService {
  readonly baseUrl: string
  readonly served: () => Served
  readonly close: () => Promise<void>
}

/** Starts the endpoint. It outlives the processes that ask it. */
export const serveJudge = async (): Promise<JudgeService> => {
  const served: Record<keyof Served, number> = {
    ...(Object.fromEntries(ENDPOINT_FAULTS.map((fault) => [fault, 0])) as Record<EndpointFault, number>),
    answered: 0,
    outage: 0,
  }
  /** Faults of a question since it was last answered. */
  const inARow = new Map<string, number>()
  const { baseUrl, close } = await misbehavingEndpoint(({ number, body: { messages } }) => {
    const asked = messages[0]?.content ?? ''
    const [prompt = '', completion = ''] = asked.split('\n')
    const faults = inARow.get(asked) ?? 0
    const fault = isOutage(prompt) ? 'outage' : faults < JUDGE_RETRIES ? endpointFault(number) : null
    served[fault ?? 'answered']++
    inARow.set(asked, fault === null ? 0 : faults + 1)
    const spoken = { content: String(judgement(prompt, completion)), reasoning: 'Comparing the running values.' }
    const behaviours: Readonly<Record<EndpointFault | 'outage', Behaviour>> = {
      429: status(429, { 'retry-after-ms': '5' }),
      500: status(500),
      garbage: body(Uint8Array.from([0xff, 0x00, 0xfe, 0x0a, 0x0a])),
      'invalid JSON': body('data: {"choices":[{"del\n\n', 'text/event-stream'),
      'broken stream': part(spoken, 0.6, 'break'),
      'cut stream': part(spoken, 0.4, 'end'),
      outage: number % 2 === 0 ? status(503) : reset,
    }
    return fault === null ? answer(spoken) : behaviours[fault]
  })
  return { baseUrl, served: () => ({ ...served }), close }
}
