/* Who may write: the writer's row, its life, and flushes that are fenced (rules 1, 2, 4 and 5).
 *
 * Two engines, one Postgres. Time is a tick that comes whenever it likes, so each engine may be as slow, or stopped for as
 * long, as it can be. Numbers that only grow (epochs, the state itself) are kept as what is asked of them: whether a fence
 * is that of the row, whether a memory is what the database holds.
 * A flag (-D...) takes one safeguard away; README.md says what then goes wrong.
 */

#ifndef TTL
#define TTL 2
#endif
#ifndef FAULTS
#define FAULTS 2          /* crashes, and connections that break during a flush */
#endif
#define NOBODY 2

mtype = { down, standby, taken, writing, flushing };   /* an engine */
mtype = { none, sent, locked, committed, refused };    /* a flush or a renewal, at Postgres */

/* The row. */
byte owner = NOBODY, life;
bool isLocked;

/* The engines: whether the row names their epoch, whether they remember what is stored, how long they believe to hold the row. */
mtype role[2] = standby;
bool holds[2], isFresh[2];
byte belief[2];
byte session[2];

/* A renewal under way: what is left of the life asked for, from before it was sent and from when Postgres read it. */
mtype renewal[2] = none;
byte asked[2], granted[2];

/* Postgres's side of the flushes. One whose engine is gone may still commit, or not. */
mtype tx[2] = none;
byte txEngine[2];
bool txHolds[2], txFresh[2], isAlone[2];

byte faults = FAULTS;

#define mayTake(p) (!isLocked && (owner == NOBODY || owner == p || life == 0))

/* Epoch + 1: from here on no older fence is the row's. */
inline raise(p) {
  holds[0] = false; holds[1] = false; txHolds[0] = false; txHolds[1] = false;
  owner = p; life = TTL; holds[p] = true
}

inline dropMemory(p) { isFresh[p] = false; belief[p] = 0; renewal[p] = none; asked[p] = 0; granted[p] = 0 }

/* Rule 2: a take waits for a flush in progress, and what is loaded is read after it. */
inline take(p) {
#ifdef LOAD_FIRST
  isFresh[p] = true
#else
  raise(p)
#endif
  ; role[p] = taken
}

inline load(p) {
#ifdef LOAD_FIRST
  raise(p)
#else
  isFresh[p] = true
#endif
  ; role[p] = writing
}

/* Rule 5: nobody knows whether the flush was committed. Memory is dropped, the own row is taken again, everything is read. */
inline unacknowledged(p) {
  isAlone[session[p]] = true; session[p] = 0;
#ifdef NO_RETAKE
  isFresh[p] = true; role[p] = writing
#else
#ifdef KEEP_MEMORY
  role[p] = writing
#else
  dropMemory(p); role[p] = standby
#endif
#endif
}

inline crash(p) {
  if :: role[p] == flushing -> isAlone[session[p]] = true :: else fi;
  session[p] = 0; holds[p] = false; dropMemory(p); role[p] = down
}

inline sendFlush(p, t) {
  printf("engine %d sends a flush\n", p);
  tx[t] = sent; txEngine[t] = p; txHolds[t] = holds[p]; txFresh[t] = isFresh[p];
  session[p] = t; role[p] = flushing
}

inline forget(t) { tx[t] = none; txEngine[t] = 0; txHolds[t] = false; txFresh[t] = false; isAlone[t] = false }

inline fenced(p) { session[p] = 0; holds[p] = false; dropMemory(p); role[p] = standby }

proctype Engine(byte p) {
  do
  :: atomic { role[p] == standby && mayTake(p) -> take(p); printf("engine %d takes the row, or reads first\n", p) }
#ifdef LOAD_FIRST
  :: atomic { role[p] == taken && mayTake(p) -> load(p); printf("engine %d may begin to write\n", p) }
#else
  :: atomic { role[p] == taken -> load(p); printf("engine %d may begin to write\n", p) }
#endif
  :: atomic { role[p] == writing && tx[0] == none -> sendFlush(p, 0) }
  :: atomic { role[p] == writing && tx[0] != none && tx[1] == none -> sendFlush(p, 1) }
  :: atomic { role[p] == flushing && tx[session[p]] == committed -> printf("engine %d is told that its flush is committed\n", p); role[p] = writing; forget(session[p]); session[p] = 0 }
  :: atomic { role[p] == flushing && tx[session[p]] == refused -> printf("engine %d is told that it is fenced\n", p); forget(session[p]); fenced(p) }
  :: atomic { role[p] == flushing && faults > 0 -> faults--; unacknowledged(p); printf("engine %d loses the answer to its flush\n", p) }
  :: atomic { role[p] != down && faults > 0 -> faults--; crash(p); printf("engine %d dies\n", p) }
  :: atomic { role[p] == down -> role[p] = standby; printf("engine %d starts\n", p) }
  /* The life counts from before the renewal was sent. */
  :: atomic { renewal[p] == none && (role[p] == writing || role[p] == flushing) && belief[p] < TTL ->
       renewal[p] = sent; asked[p] = TTL; printf("engine %d asks for a longer life\n", p) }
  :: atomic { renewal[p] == committed ->
#ifdef LIFE_FROM_THE_ANSWER
       belief[p] = TTL;
#else
       belief[p] = asked[p];
#endif
       renewal[p] = none; asked[p] = 0; granted[p] = 0; printf("engine %d is told that its life is longer\n", p) }
  :: atomic { renewal[p] == refused && role[p] == writing -> fenced(p) }
  od
}

/* Rule 4: the fence waits for a lock, then reads the row anew; its own lock stays until COMMIT. */
inline fence(t) {
  printf("the fence of a flush of engine %d reads the row, which names it: %d\n", txEngine[t], txHolds[t]);
  if
  :: txHolds[t] ->
     tx[t] = locked;
#ifndef FENCE_BY_EXISTS
     isLocked = true
#endif
  :: else -> if :: isAlone[t] -> forget(t) :: else -> tx[t] = refused fi
  fi
}

inline commit(t) {
  printf("a flush of engine %d is committed\n", txEngine[t]);
  assert(txHolds[t]);   /* only the row's holder commits */
  assert(txFresh[t]);   /* every commit is built on the one before: none is lost */
  isLocked = false;
  isFresh[0] = !isAlone[t] && txEngine[t] == 0; isFresh[1] = !isAlone[t] && txEngine[t] == 1;
  txFresh[1 - t] = false;
  if :: isAlone[t] -> forget(t) :: else -> tx[t] = committed fi
}

inline rollBack(t) {
  printf("a flush of engine %d is rolled back\n", txEngine[t]);
  if :: tx[t] == locked -> isLocked = false :: else fi;
  forget(t)
}

/* Postgres at work: each statement in its time, whatever has become of the engine that sent it. */
proctype Flush(byte t) {
  do
  :: atomic { tx[t] == sent && !isLocked -> fence(t) }
  :: atomic { tx[t] == locked -> commit(t) }
  :: atomic { isAlone[t] -> rollBack(t) }
  od
}

/* A renewal computes the new end first, and may then wait for a flush. */
proctype Renewal(byte p) {
  do
  :: atomic { renewal[p] == sent -> granted[p] = TTL; renewal[p] = locked; printf("the renewal of engine %d computes its end\n", p) }
  :: atomic { renewal[p] == locked && !isLocked ->
       if
       :: holds[p] -> life = granted[p]; renewal[p] = committed; printf("the renewal of engine %d is committed\n", p)
       :: else -> renewal[p] = refused
       fi }
  od
}

#define less(timer) timer = (timer > 0 -> timer - 1 : 0)

proctype Clock() {
  do
  :: d_step { less(life); less(belief[0]); less(belief[1]); less(asked[0]); less(asked[1]); less(granted[0]); less(granted[1]);
       printf("a tick\n");
       /* Who believes to be alive holds the row: nobody else has it. */
       assert((belief[0] == 0 || owner == 0) && (belief[1] == 0 || owner == 1)) }
  od
}

init { atomic { run Engine(0); run Engine(1); run Flush(0); run Flush(1); run Renewal(0); run Renewal(1); run Clock() } }
