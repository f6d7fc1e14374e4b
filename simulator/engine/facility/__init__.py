"""Power chain and cooling plants: quasi-steady rooms that a tick advances, fed with the tick's mean power."""
