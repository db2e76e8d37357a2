// What every wiring of a cloud is put together from: the controller with its services, the agents of a host, the audit, the demo set.
export { auditCloud, type Finding } from './audit.ts'
export { firstUsers, SERVICE_USERS, type FirstUsers } from './bootstrap.ts'
export { startController, type Controller, type ControllerOptions, type ControllerSecrets } from './controller.ts'
export { makeDemoSet } from './demo.ts'
export { freeExternalRange, machineRanges, USUAL_RANGE } from './external-range.ts'
export { HOST_ROLES, startHostSide, type HostRole, type HostSide, type HostSideOptions, type Kinds } from './host-side.ts'
export { livePolicy, type LivePolicy } from './policies.ts'
export { sections, services, SERVICES, type Member, type ServiceName } from './sections.ts'
