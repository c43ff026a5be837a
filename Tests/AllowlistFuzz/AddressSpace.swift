#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

enum AddressSpace {
    /// Bounds the process to 2 GiB of addresses, so that an allocation by a length from the input fails at
    /// once even where nothing of it is touched.
    static func limit() {
        #if os(Linux)
            var limit = rlimit(rlim_cur: 2 << 30, rlim_max: 2 << 30)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #endif
    }
}
