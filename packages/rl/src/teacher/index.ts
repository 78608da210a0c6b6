export { type Clock, systemClock } from './clock.ts'
export { describeTeacherError, type Refused, type TeacherError, type Transient } from './errors.ts'
export { type RequestBackoff, backoffDelay, type RequestRate } from './pace.ts'
export type { Teacher, TeacherSettings, Trace, Usage } from './teacher.ts'
export { splitThink } from './wire.ts'
export type { Fetch, Reply } from './request.ts'
export { type EndpointConfig, endpointTeacher, type Retry } from './endpoint.ts'
export {
  cached,
  type CachedQuestion,
  openTraceCache,
  openTraceCacheAsync,
  type SkippedLine,
  type TraceCache,
  traceKey,
} from './cache.ts'
export {
  type JudgedTrace,
  type TeacherTraces,
  teacherTraces,
  teacherTracesAsync,
  type TeacherTracesConfig,
  type Verdict,
} from './traces.ts'
