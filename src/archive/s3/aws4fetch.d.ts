/** Types of browsers that the declarations of aws4fetch name, and those of Node do not have. */
type HeadersInit = ConstructorParameters<typeof Headers>[0];
type BodyInit = NonNullable<RequestInit["body"]>;
