// What is the settings' Job of Harbor told? The declared settings, close to the bodies of Harbor's API v2.0.

/** A value as JSON has it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Fields of a body of the API. */
export interface Fields {
  [key: string]: Json;
}

/** A registry elsewhere that projects are a cache of. */
export interface DesiredRegistry {
  name: string;
  type: string;
  url: string;
  username?: string;
  /** File with the password. */
  password?: string;
}

/** A project with what belongs to it. */
export interface DesiredProject {
  name: string;
  /** Strings, as Harbor keeps them: "true", "high". */
  metadata: Fields;
  /** Bytes; -1 for no bound. Undefined: as it is. */
  quota?: number;
  /** Name of the registry that it is a cache of. */
  registry?: string;
  /** Group → number of its role. Undefined: as they are. */
  groups?: Record<string, number>;
  /** Body of the policy without its scope. Undefined: as it is. */
  retention?: Fields;
}

/** A robot account. */
export interface DesiredRobot {
  name: string;
  /** Days that it lives; -1 for ever. */
  duration: number;
  permissions: Fields[];
  /** File with its password. */
  password: string;
}

/** Everything that the Job is told. Each password is the name of a file in the folder of secrets. */
export interface DesiredSettings {
  /** URL of Harbor's core, without a path. */
  url: string;
  /** Seconds that Harbor may need until it is healthy. */
  patience: number;
  /** File with the password of the user `admin`. */
  admin: string;
  configuration: Fields;
  /** Configuration that Harbor never shows → file with its value. */
  hidden: Record<string, string>;
  registries: DesiredRegistry[];
  projects: DesiredProject[];
  robots: DesiredRobot[];
  /** Body of the schedule. Undefined: as it is. */
  garbageCollection?: { schedule: Fields; parameters: Fields };
}
