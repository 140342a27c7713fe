/* One launch key, from its intent to its end (rules 2, 8, 11 to 18, 23).
 *
 * Two engines, one attempt's row, one service. That only the row's holder flushes is what writer.pml shows; here a flush is
 * one step. Time is a tick. An engine that is neither down nor stopped does what is due before the next tick; one that is
 * stopped (SIGSTOP, a suspended machine, a loop that hangs) goes on later with whatever it remembers, at any step.
 *
 * The assumption about delays: a request arrives within LIMIT ticks of being signed, or never, and its job can be found
 * VISIBLE ticks later. -DLATE_REQUEST takes it away. Each other flag takes one safeguard away; README.md says what then
 * goes wrong.
 */

#define TTL 2             /* of the writer's row: 6 s */
#define WINDOW 2          /* from an intent to its send_by: 20 s */
#define LIMIT 1           /* of a request: 10 s */
#define VISIBLE 1         /* until a job can be found: 60 s */
#define PUSHBACK 4        /* how long a service that is busy may ask to wait */
#define HALF 5            /* half a token's life */
#ifdef LATE_REQUEST
#define LATEST (WINDOW + LIMIT + VISIBLE)
#define AGAIN (LATEST + VISIBLE)
#else
#define LATEST LIMIT
#define AGAIN 3           /* from send_by to the last search: 16 minutes */
#endif
#ifndef FAULTS
#define FAULTS 2          /* crashes, stops, reloads, lost replies, throttling */
#endif
#define NOBODY 2

mtype = { down, standby, loading, writing };           /* an engine */
mtype = { token, name, find, at_least_once };          /* launch kinds (rule 14) */
mtype = { unplanned, open, succeeded, failed, unknown };  /* an attempt; unknown: failed as LAUNCH_UNKNOWN */
mtype = { idle, begun, signed };                       /* a submit under way */
mtype = { silence, started, throttled, refused, doubtful, not_sent };  /* what came of it */

mtype kind;

/* The writer's row, by writer.pml: only `owner` flushes; who believes to be alive is the owner. */
byte owner = NOBODY, life;

/* The attempt's row. Instants are kept as the ticks until they come. */
mtype state = unplanned;
bool inDoubt, everInDoubt, isEnding, wishedOnce;
byte ref, duplicates;
byte sendBy, submitAt, searchAt, halfLife, againAt;
bool searchNow, searchLater;

/* The engines. `owes` is the submit that an engine remembers from its last flush; what has happened since it may not know. */
mtype role[2] = standby;
bool isStopped[2];
byte belief[2];
bool owes[2];
byte owesAt[2], owesBy[2];
mtype call[2] = idle;
byte callBy[2];
mtype fact[2] = silence;
byte factRef[2];
bool isOld[2];            /* another engine has held the row since this submit began */

/* Requests on their way, who waits for their answers, and the jobs of the key at the service. Job 1 is bit 1. */
bool flies[3];
byte from[3] = NOBODY;
byte age[3];
byte made, running, visible, hiding[3];
byte remembered;          /* how long a token still stands for job 1 */

byte faults = FAULTS;

#define runs(p) (role[p] != down && !isStopped[p])
#define isHolder(p) (role[p] == writing && owner == p)
#define bit(job) (1 << ((job) - 1))
/* A request may have started a job that only a repeat of it can show. */
#define mayHaveUnseen (everInDoubt && ref == 0 && (kind == token || kind == name))

inline nextSend(p, after) {
  inDoubt = false; searchAt = 0;
  submitAt = after; sendBy = after + WINDOW; againAt = (kind == find -> after + WINDOW + AGAIN : 0);
  owes[p] = true; owesAt[p] = submitAt; owesBy[p] = sendBy
}

#define owesNothing(p) owes[p] = false; owesAt[p] = 0; owesBy[p] = 0

/* One that was in doubt and ends without a job is searched for once more (rule 17). */
inline end(how) {
#ifndef NO_LATE_SEARCH
  searchLater = searchLater || (ref == 0 && everInDoubt && kind == find);
#endif
  owesNothing(p); state = how; inDoubt = false; submitAt = 0; sendBy = 0; searchAt = 0; halfLife = 0
}

#ifdef TRUST_OLD_TOKENS
#define tokenIsOld(after) false
#else
#define tokenIsOld(after) (mayHaveUnseen && kind == token && halfLife <= (after))
#endif

/* The same bytes under the same key (rule 16). */
inline resend(p, after) {
  if
  :: tokenIsOld(after) -> end(unknown)
  :: else -> nextSend(p, after)
  fi
}

inline putInDoubt() {
  if
  :: kind == at_least_once -> end(unknown)
  :: else ->
     everInDoubt = true; owesNothing(p);
     if
     :: !inDoubt && kind == find ->
        inDoubt = true;
#ifdef NO_WAIT
        searchAt = 0
#else
        searchAt = sendBy + LIMIT + VISIBLE
#endif
     :: else -> inDoubt = true
     fi
  fi
}

inline jobKnown(job) {
  owesNothing(p); ref = job; inDoubt = false; searchAt = 0; submitAt = 0; halfLife = 0;
  searchNow = everInDoubt && kind == find
}

/* It was certainly not sent: it is not begun any more, or sent anew. */
inline notSent(p) {
  if
#ifdef FORGETS_EARLIER_REQUESTS
  :: isEnding -> end(failed)
#else
  :: isEnding && !mayHaveUnseen -> end(failed)
#endif
  :: else -> resend(p, 0)
  fi
}

/* Rules 8 and 18: what a submit answered, decided and flushed. */
inline applyFact(p) {
  if
  :: state != open || ref != 0
  :: else ->
#ifndef BELIEVE_OLD_ANSWERS
     if :: isOld[p] && fact[p] != started -> fact[p] = doubtful :: else fi;
#endif
     if
     :: fact[p] == started -> jobKnown(factRef[p])
     :: fact[p] == doubtful -> putInDoubt()
     :: fact[p] == refused -> if :: mayHaveUnseen -> end(unknown) :: else -> end(failed) fi
     :: fact[p] == throttled ->
        if
        :: isEnding && !mayHaveUnseen -> end(failed)
        :: else -> resend(p, PUSHBACK)
        fi
     :: fact[p] == not_sent -> if :: inDoubt :: else -> notSent(p) fi
     fi
  fi;
  fact[p] = silence; factRef[p] = 0; isOld[p] = false
}

/* Rule 2: the row is taken when its life is over; then everything is read, and launches of unknown fate are in doubt. */
inline take(p) {
  if :: owner != p && (call[p] != idle || fact[p] != silence) -> isOld[p] = true :: else fi;
#ifndef SIGNS_IN_A_LATER_TERM
  callBy[p] = 0;
#endif
  owner = p; life = TTL; belief[p] = TTL; role[p] = loading; owesNothing(p)
}

inline load(p) {
  role[p] = writing;
  if
  :: state == open && ref == 0 && !inDoubt && submitAt <= LIMIT -> putInDoubt()
  :: state == open && ref == 0 && !inDoubt && submitAt > LIMIT -> owes[p] = true; owesAt[p] = submitAt; owesBy[p] = sendBy
  :: else
  fi
}

inline forgetTerm(p) { role[p] = standby; belief[p] = 0; owesNothing(p) }

inline intend(p) {
  printf("engine %d flushes the intent\n", p);
  state = open; halfLife = (kind == token -> HALF : 0);
  nextSend(p, 0)
}

/* Rule 15: asked as the last thing before the socket; a submit signs in the term that began it, while that lives. */
#ifdef NO_SEND_BY
#define maySign(p) (belief[p] > 0)
#else
#ifdef SIGNS_WITHOUT_LEASE
#define maySign(p) (callBy[p] > 0)
#else
#define maySign(p) (callBy[p] > 0 && belief[p] > 0)
#endif
#endif

#define isFree (!flies[0] || !flies[1] || !flies[2])

inline sign(p) {
  if
  :: maySign(p) ->
#ifndef NO_SEND_BY
     assert(callBy[p] > 0);            /* no request is signed after send_by */
#endif
     call[p] = signed; printf("engine %d signs the request\n", p);
     if
     :: !flies[0] -> flies[0] = true; from[0] = p
     :: flies[0] && !flies[1] -> flies[1] = true; from[1] = p
     :: flies[0] && flies[1] -> flies[2] = true; from[2] = p
     fi
  :: else -> call[p] = idle; fact[p] = not_sent; printf("engine %d may not send any more\n", p)
  fi;
  callBy[p] = 0
}

/* `find` answers every reference that is visible, the oldest first (rules 16 and 17). */
#define oldestSeen ((visible & 1) -> 1 : ((visible & 2) -> 2 : 3))

inline search(p) {
  if
  :: state == open && ref == 0 ->
     if
     :: visible == 0 -> notSent(p)
     :: else -> jobKnown(oldestSeen)
     fi
  :: else -> skip
  fi;
  if
  :: state != open || ref != 0 ->
     duplicates = duplicates | (visible & running & (ref == 0 -> 7 : ~bit(ref)));
     searchNow = false; searchLater = againAt > 0
  :: else
  fi
}

#define mustFind (state == open && ref == 0 && inDoubt && kind == find && searchAt == 0)
#define mustLookAgain (searchNow || (searchLater && againAt == 0))
#define mustResend (state == open && ref == 0 && inDoubt && kind != find)
#define mustWithdraw(p) (state == open && ref == 0 && !inDoubt && isEnding && !mayHaveUnseen && call[p] == idle && fact[p] == silence)
#define firstOf(mask) (((mask) & 1) -> 1 : (((mask) & 2) -> 2 : 4))

/* What an engine that runs does before time passes. */
#define isBusy(p) (runs(p) && ( \
  (role[p] == standby && life == 0) || role[p] == loading || call[p] == begun || \
  (role[p] == writing && (owner != p || fact[p] != silence || (owes[p] && owesAt[p] == 0 && call[p] == idle))) || \
  (isHolder(p) && (state == unplanned || mustFind || mustLookAgain || mustResend || mustWithdraw(p) || duplicates != 0))))

proctype Engine(byte p) {
  do
  :: atomic { runs(p) && role[p] == standby && life == 0 -> take(p); printf("engine %d takes the row\n", p) }
  :: atomic { runs(p) && role[p] == loading && owner == p -> load(p); printf("engine %d reads everything, in doubt: %d\n", p, inDoubt) }
  /* Between two turns it sees that its life is over, or its flush is fenced. */
  :: atomic { runs(p) && (role[p] == loading || role[p] == writing) && owner != p -> forgetTerm(p); printf("engine %d sees that it holds the row no more\n", p) }
  :: atomic { runs(p) && isHolder(p) && state == unplanned ->
#ifdef SEND_BEFORE_FLUSH
       if
       :: !owes[p] -> owes[p] = true; owesAt[p] = 0; owesBy[p] = WINDOW
       :: owes[p] -> intend(p)
       fi
#else
       intend(p)
#endif
     }
  :: atomic { runs(p) && isHolder(p) && fact[p] != silence ->
       printf("engine %d flushes what came of its submit: %e\n", p, fact[p]);
       applyFact(p) }
  /* In the middle of a turn: by its memory, which may be old. */
  :: atomic { runs(p) && role[p] == writing && owes[p] && owesAt[p] == 0 && call[p] == idle && fact[p] == silence ->
       printf("engine %d begins to submit\n", p);
       call[p] = begun; callBy[p] = owesBy[p]; owes[p] = false; owesBy[p] = 0 }
  :: atomic { runs(p) && call[p] == begun && isFree -> sign(p) }
  :: atomic { runs(p) && isHolder(p) && mustResend && fact[p] == silence -> resend(p, 0); printf("engine %d will send the same again\n", p) }
  :: atomic { runs(p) && isHolder(p) && mustFind -> printf("engine %d searches: jobs %d\n", p, visible); search(p) }
  :: atomic { runs(p) && isHolder(p) && mustLookAgain -> printf("engine %d searches again: jobs %d\n", p, visible); search(p) }
  :: atomic { runs(p) && isHolder(p) && mustWithdraw(p) -> printf("engine %d withdraws the intent\n", p); end(failed) }
  :: atomic { runs(p) && isHolder(p) && duplicates != 0 -> printf("engine %d cancels a duplicate\n", p);
       running = running & ~firstOf(duplicates); duplicates = duplicates & ~firstOf(duplicates) }
  /* The job ends by itself, or because it is asked to (rule 23). */
  :: atomic { runs(p) && isHolder(p) && state == open && ref != 0 -> printf("the job that engine %d looks at ends\n", p);
       running = running & ~bit(ref); if :: isEnding -> end(failed) :: else -> end(succeeded) fi }
  /* A person cancels, once, or nobody does. */
  :: atomic { runs(p) && isHolder(p) && state == open && !wishedOnce -> wishedOnce = true; isEnding = true; printf("a person cancels\n") }
  od
}

inline leave(r) { flies[r] = false; age[r] = 0; from[r] = NOBODY }

inline answer(r, what, job) {
  if
  :: from[r] != NOBODY -> call[from[r]] = idle; fact[from[r]] = what; factRef[from[r]] = job
  :: else
  fi;
  from[r] = NOBODY
}

inline arrive(r) {
  if
  :: made > 0 && (kind == name || (kind == token && remembered > 0)) -> answer(r, started, 1)
  :: else ->
     made++; printf("the request arrives and starts job %d\n", made);
     assert(made < 4);
#ifndef ALLOW_DUPLICATES
     assert(made == 1);                /* never two jobs for one launch key */
#endif
     running = running | bit(made); hiding[made - 1] = VISIBLE;
     if :: kind == token -> remembered = 2 * HALF :: else fi;
     answer(r, started, made)
  fi;
  leave(r)
}

proctype Network(byte r) {
  do
  :: atomic { flies[r] -> arrive(r) }
  /* Busy, or a modelled refusal: the service says for certain that this request started nothing. */
  :: atomic { flies[r] && from[r] != NOBODY && faults > 0 -> faults--;
       if :: true -> answer(r, throttled, 0); printf("the service is busy\n") :: true -> answer(r, refused, 0); printf("the service refuses\n") fi;
       leave(r) }
  /* The connection breaks: the request is lost, or goes on alone. */
  :: atomic { flies[r] && from[r] != NOBODY && faults > 0 -> faults--;
       printf("the connection breaks\n"); answer(r, doubtful, 0);
       if :: leave(r); printf("the request is lost\n") :: true fi }
  /* Its sender is gone, and so is the request. */
  :: atomic { flies[r] && from[r] == NOBODY -> leave(r); printf("the request is lost\n") }
  od
}

#define abandon(r, p) from[r] = (from[r] == p -> NOBODY : from[r])
#define crash(p) abandon(0, p); abandon(1, p); abandon(2, p); role[p] = down; isStopped[p] = false; call[p] = idle; callBy[p] = 0; fact[p] = silence; factRef[p] = 0; \
  isOld[p] = false; belief[p] = 0; owesNothing(p)

proctype Fate(byte p) {
  do
  :: atomic { role[p] != down && faults > 0 -> faults--; crash(p); printf("engine %d dies\n", p) }
  :: atomic { role[p] == down -> role[p] = standby; printf("engine %d starts\n", p) }
  :: atomic { runs(p) && faults > 0 -> faults--; isStopped[p] = true; printf("engine %d is stopped\n", p) }
  :: atomic { isStopped[p] -> isStopped[p] = false; printf("engine %d goes on\n", p) }
  /* A flush that was not acknowledged: the own row is taken again (rule 5). */
  :: atomic { runs(p) && isHolder(p) && faults > 0 -> faults--; take(p); printf("engine %d takes its own row again\n", p) }
  od
}

#define less(timer) timer = (timer > 0 -> timer - 1 : 0)
#define overdue(r) (flies[r] && age[r] >= LATEST)
#define shows(job) (made >= job && hiding[job - 1] == 0 -> bit(job) : 0)
#define keepsRow(p) (owner == p && runs(p) && belief[p] > 0)

proctype Clock() {
  do
  :: d_step { !isBusy(0) && !isBusy(1) && !overdue(0) && !overdue(1) && !overdue(2) ->
       less(life); less(belief[0]); less(belief[1]);
       /* Renewals come in time while their engine runs. */
       if
       :: keepsRow(0) -> life = TTL; belief[0] = TTL
       :: keepsRow(1) -> life = TTL; belief[1] = TTL
       :: else
       fi;
       less(sendBy); less(submitAt); less(searchAt); less(halfLife); less(againAt);
       less(owesAt[0]); less(owesAt[1]); less(owesBy[0]); less(owesBy[1]); less(callBy[0]); less(callBy[1]);
       less(remembered);
       if :: flies[0] -> age[0]++ :: else fi;
       if :: flies[1] -> age[1]++ :: else fi;
       if :: flies[2] -> age[2]++ :: else fi;
       visible = visible | shows(1) | shows(2) | shows(3);
       less(hiding[0]); less(hiding[1]); less(hiding[2]);
       printf("a tick\n")
     }
  od
}

init {
  atomic {
    if :: kind = token :: kind = name :: kind = find :: kind = at_least_once fi;
    run Engine(0); run Engine(1); run Network(0); run Network(1); run Network(2); run Fate(0); run Fate(1); run Clock()
  }
}

#define isOver (state == succeeded || state == failed || state == unknown)
#define isOne (running != 3 && running < 5)

/* Every intent comes to an end. */
ltl ends { <> isOver }
/* Of two jobs that run one is cancelled in the end. */
ltl mended { [] (!isOne -> <> isOne) }
/* Once the attempt is over, none of its jobs runs on unknown; LAUNCH_UNKNOWN says that one may. */
ltl nothing_forgotten { [] ((state == succeeded || state == failed) -> <> (running == 0)) }
