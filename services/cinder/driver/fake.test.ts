import { fakeDisks } from './fake.ts'
import { diskStoreConformance } from './disks.conformance.ts'

diskStoreConformance('fake disks', async () => ({ store: fakeDisks(), async [Symbol.asyncDispose]() {} }))
