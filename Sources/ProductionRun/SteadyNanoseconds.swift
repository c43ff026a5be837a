import Dispatch

/// The steady clock's time, for durations: no step of the wall clock moves it.
enum SteadyNanoseconds {
    static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }
}
