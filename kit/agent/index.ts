// Agents that keep things (guests, disks) as a controller's rows want them: `agent.ts` asks and hands out, `keeper.ts` works on one thing, `rounds.ts` is the bell of whoever asks.
export { type Desired, HostAgent, type HostAgentOptions } from './agent.ts'
export { type Attempt, type Failure, Keeper, type Keeping, reportedFault, type ReportedFault } from './keeper.ts'
export { rounds, type Rounds } from './rounds.ts'
export { type Order, type Terms, termsOf } from './orders.ts'
