# What alerts say. Every file in this directory has the same messages.

head = RemOnline Leads needs you.
key-rejected = The connection “{ $title }” is closed: its key or token was refused. Enter a new one; the leads that wait for it then run by themselves.
forbidden = The connection “{ $title }” is closed: it lacks a right. Grant the right and resume the connection; the leads that wait for it then run by themselves.
parked = { $count ->
        [one] { $count } lead is parked and needs a correction.
       *[other] { $count } leads are parked and need a correction.
    }
review = { $count ->
        [one] { $count } lead is in review: it is unclear what RemOnline has of it.
       *[other] { $count } leads are in review: it is unclear what RemOnline has of them.
    }
missed = { $count ->
        [one] { $count } lead came without Meta's notice and was found by asking. Check the webhook subscription.
       *[other] { $count } leads came without Meta's notice and were found by asking. Check the webhook subscription.
    }
order-doubled = The audit found leads that have more than one order in RemOnline: { $count }.
order-lost = The audit found orders that RemOnline does not have any more: { $count }.
order-unexpected = The audit found orders with the marker of a lead that we do not know: { $count }.
client-doubled = The audit found clients that we made and that RemOnline had already: { $count }.
