/**
 * Names of string, collectable or negatable options.
 *
 * @internal
 */
export type Names = string | undefined;

/**
 * Names of boolean options, or true for all options.
 *
 * @internal
 */
export type BooleanNames = boolean | string | undefined;

/**
 * Default values by name.
 *
 * @internal
 */
export type Defaults = Record<string, unknown> | undefined;

/**
 * Other names of an option, by its name.
 *
 * @internal
 */
export type Aliases<
  TNames extends string = string,
  TAliases extends string = string,
> = Partial<Record<TNames, TAliases | ReadonlyArray<TAliases>>>;

/**
 * One object type instead of an intersection of several.
 *
 * @internal
 */
export type Flat<T> = { [Key in keyof T]: T[Key] };

/** Names of one property; `a.b` is a property of a property. */
type Plain<T> = Exclude<Extract<T, string>, `${string}.${string}`>;

/** The value of `--no-name`. */
type Off<Name, TNegatable> = Name extends TNegatable ? false : never;

type Typed<TBooleans, TStrings, TCollectable, TNegatable> =
  & {
    [Name in Exclude<Plain<TStrings>, TCollectable>]?:
      | string
      | Off<Name, TNegatable>;
  }
  & {
    [Name in Extract<Plain<TStrings>, TCollectable>]:
      | string[]
      | Off<Name, TNegatable>;
  }
  & { [Name in Exclude<Plain<TBooleans>, TCollectable>]: boolean }
  & { [Name in Extract<Plain<TBooleans>, TCollectable>]: boolean[] }
  & {
    [Name in Exclude<Plain<TCollectable>, TBooleans | TStrings>]:
      | unknown[]
      | Off<Name, TNegatable>;
  };

/** The arguments with defaults: an option with a default is always present. */
type Defaulted<TArgs, TDefaults> = TDefaults extends undefined ? TArgs
  :
    & Omit<TArgs, keyof TDefaults>
    & {
      [Name in keyof TDefaults]: Name extends keyof TArgs
        ? TDefaults[Name] | NonNullable<TArgs[Name]>
        : unknown;
    };

type AliasOf<TAlias> = TAlias extends string
  ? string extends TAlias ? never : TAlias
  : TAlias extends ReadonlyArray<infer Name> ? Extract<Name, string>
  : never;

type Aliased<TArgs, TAliases> = {
  [
    Name in keyof TArgs as Name extends keyof TAliases
      ? Name | AliasOf<TAliases[Name]>
      : Name
  ]: TArgs[Name];
};

/**
 * The options that the call names, with their types; any other is unknown.
 *
 * @internal
 */
export type Values<
  TBooleans extends BooleanNames,
  TStrings extends Names,
  TCollectable extends Names,
  TNegatable extends Names,
  TDefaults extends Defaults,
  TAliases extends Aliases | undefined,
> =
  & Record<string, unknown>
  & Aliased<
    Defaulted<
      Flat<Typed<TBooleans, TStrings, TCollectable, TNegatable>>,
      TDefaults
    >,
    TAliases
  >;
