"""Who trains what: pairs, attempts, claims and leases. This is their whole contract.

**What there is.** A study wants a set of *pairs* (a design and a seed; a tuning trial is one too).
A trial in the storage is one *attempt* at a pair. A *worker* is a process that trains one pair at a
time. An *agenda* says which pairs are wanted. It is a pure function of the study and of all
attempts so far, so every worker on every machine comes to the same pairs without talking to any
other.

**Claiming.** In one transaction a worker takes the lock of the study, reads which attempts came
since its last look, and creates a RUNNING attempt that carries the first waiting pair and the
worker. The storage gives the lock to one transaction at a time (a server locks the study's row, as
Optuna does for a new trial; an SQLite file has one writer), so no two claim the same pair, and
pairs are handed out in the agenda's order. The lock ends with the transaction, however the worker
ends; a server ends one that has been silent for 15 seconds. A worker whose claim was written though
the answer to it was lost claims again, and finds the attempt of its own. In a search a worker may
claim a pair that it names itself (a *proposal*), where as many are not yet named as are wanted when
it holds the lock; else it draws again. Workers of older versions took no lock for their choice, and
withdrew an attempt whose pair was another's (`superseded`); they may share a study with newer ones.

**Leases.** While it trains, a worker adds one to the attempt's `lease` every `Lease.every` seconds.
An observer that sees the same number for `Lease.stale` seconds of its own monotonic clock gives the
attempt up (`lost`); clocks of different machines are never compared. The time during which the
storage is away does not count: nobody could write then. On its own machine (one boot of one kernel)
a worker also holds a lock file, which the system releases however the process ends: there an
observer knows at once.

**Who may write what, and when.**

- The worker that created an attempt: its lease, first epoch, curve, errors by epoch for the pruner,
  result and failure, and its end, while it runs.
- Any observer: the end of an attempt as `lost`, once its lease is stale or its lock is free.
- The supervisor: the failure and the end of an attempt of a worker process that it has seen end.
- `study retry`: nothing of an attempt; the study keeps the number from which failures count.
- Nobody: anything of an attempt that has ended, or of a study that was deleted. Each write holds
  the attempt's row and looks at its state first, and that is the fence: a worker that comes back
  after it was given up cannot report, learns of it from the refusal, and stops training.

The state is written once, and all of an ending in one transaction: an attempt that is complete has
its result. Older versions wrote the state last; where a kill tore their endings, the state decides
(`attempt.how_it_ended`).

**How a pair stands.** `waiting`, `running`, `complete`, `pruned` or `failed`, from the attempts at
it in the order of their numbers (`attempt.status_of`). Only `failed` counts against a pair; three
`lost` attempts in a row that got no further than those before them count as one `failed`, since
then it is likely the pair that kills its workers. `study retry` forgives what failed before it;
what has failed three times stays failed.

**Errors and threads.** Methods of `Claims` return False or None where they were overtaken and raise
`UserError` where the storage cannot be used. They wait for a storage that is away, except within
`Claims.not_waiting`. One `Claims` is used from one thread; `Claims.keep` starts a second one that
writes nothing but the lease. `Attempts` and `Standing` belong to their `Claims`.
"""
