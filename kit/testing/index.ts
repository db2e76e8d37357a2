// What tests of every part share: databases to run on, golden contracts.
export { assertBlessed } from './blessed.ts'
export { databasesUnderTest, type TestDatabase } from './databases.ts'
export { guestImage } from './guest-image.ts'
