# What is wrong with a request, and what to do. Every file in this directory has the same messages; a test compares them.

several-fields = { $count } fields are wrong.
console-failed = The console failed. The log says why.
tables-unavailable = The tables cannot be used now. Try again in a moment.
key-service-unavailable = The key service cannot be used now. Try again in a moment.
quarantine-unavailable = The quarantine queue does not answer. Try again in a moment.
changed-meanwhile = It was changed meanwhile. Read it again and repeat the change.

# Addresses
no-such-path = There is nothing at this address. See /api/openapi.json.
no-such-method = This address does not take this method. See the Allow header.
no-such-id = The address holds something that is no id.
no-transaction = There is no such transaction.
no-bundle = There is no such bundle.
no-connection = There is no such connection.
no-form = There is no such form.
no-page = There is no such page.
no-version = There is no such version.
no-lead = There is no such lead.
no-language = There is no such language.

# The body and the query
body-unread = The body cannot be read: { $words }
no-json = The body is not a JSON object: { $words }.
no-yaml = The document is no YAML: { $words }
value-missing = is missing: { $field }
value-unknown-field = unknown field `{ $field }`, expected { $known }
value-unknown-choice = unknown variant `{ $given }`, expected { $known }
value-no-literal = must be text, a whole number, true or false
value-no-slug = an id has 1 to 40 characters out of a-z, 0-9 and -
value-no-meta-id = an id of Meta has 1 to 20 digits
value-unfit = does not fit: { $words }
query-wrong = The query is wrong: { $why }.
query-parameter-wrong = `{ $name }`: { $why }.
query-cursor = `cursor`: not a cursor of this list; begin without one.
query-limit = `limit`: must be 1 to { $most }.
query-no-form = `form_id`: is missing; say whose questions.
query-no-phone = `phone`: not a phone number.
query-no-email = `email`: not an e-mail address.
query-to = `to`: must be a path of the console, as /api/connections.

# Who may come in
closed-loopback = The console is closed. It runs without sign-in and answers on loopback only.
closed-no-sign-in = The console is closed. Set OIDC_ISSUER and OIDC_CLIENT_ID to say who may sign in.
closed-sign-in = The console is closed. It asks who is there first.
foreign-origin = This request was sent by a page of another origin.
foreign-page = This request was not sent by a page of the console.
sign-in-first = Sign in, or send a token of the issuer as Bearer.
token-no-good = The token is no good: { $why }.
issuer-unreachable = the issuer does not answer, or not as an issuer; the log says why
attempt-stale = this sign-in took too long, or another browser began it
refused-no-id-token = the issuer sent no ID token
refused-no-token = it is no signed token of an issuer
refused-code = the issuer does not take the code
refused-person = the issuer did not sign the person in
refused-expired = it has expired
refused-audience = it is meant for another client
refused-issuer = it is of another issuer
refused-nonce = it is the answer to another sign-in
refused-signature = its signature is not the issuer's
refused-other = it is not valid, or not yet

# Connections
id-taken = The id is taken. Choose another one.
title-length = must have 1 to { $most } characters
credential-missing = is missing: a connection of kind { $kind } needs it
credential-superfluous = does not belong to a connection of kind { $kind }
connection-used = Bundle { $bundle } uses the connection. Change or delete the bundle.
connection-gone = There is no connection { $id } any more.
connection-not-in-use = Connection { $id } is not in use. Resume it first.
connection-not-remonline = Connection { $id } is not one to RemOnline.
connection-not-facebook = Connection { $id } is not one to Facebook.
not-remonline = The connection is not one to RemOnline.
no-key = The connection has no key. Enter one.
key-unopenable = The key of the connection does not open. Enter it anew.
no-app-id = Set FACEBOOK_APP_ID to log in with Facebook.
login-stale = This login was not begun in this browser, or too long ago. Begin anew.

# Bundles
id-fixed = cannot be changed; leave it out or make another bundle
if-match-missing = Send If-Match with the ETag of the version that is to be replaced.
version-stale = The bundle has another version by now. Read it again and repeat the change.
no-facebook-connection = is no connection of kind facebook; make one first
no-remonline-connection = is no connection of kind remonline; make one first
connection-not-there = connection { $id } is not there; make it first
connection-is-paused = connection { $id } is paused; resume it first
connection-key-refused = connection { $id } has a key that was refused; enter a new one
connection-lacks-right = connection { $id } lacks a right; grant it and resume the connection
page-has-no-form = the page has no form { $id }
id-not-there = RemOnline has no { $id } here; choose one that exists
answers-or-lead = give either `answers` or `leadgen_id`
lead-not-shown = Meta does not show this lead
since-future = lies in the future
since-too-old = lies more than 90 days back: Meta does not keep leads longer
remonline-gone = The bundle's RemOnline connection is gone.

fault-empty = must not be empty
fault-required = is required; fill it in
fault-came-out-empty = is required and came out empty; give it a fixed value or a default
fault-form-id = must be the id of a form, 1 to 20 digits, or *
fault-country = must be a country such as UA
fault-time-zone = must be a time zone such as Europe/Kyiv
fault-custom-key = must be named f and the field's number, such as f5001
fault-number = must be the number of something in RemOnline, such as 15001
fault-flag = must be true or false
fault-moment = must be a date and time such as 2026-03-31 15:00
fault-date = must be a date such as 1990-03-31
fault-client-key = must name phone, email or both
fault-order-key = must name client_id
fault-repeated-key = must name each key once
fault-client-field = is no field of a client; custom fields are named such as f5001
fault-not-appendable = cannot be appended to; only texts can
fault-days = must be 1 to 3650 days
template-at = line { $line }, column { $column }: { $fault }
template-syntax = syntax error: { $words }
template-unknown-name = there is no `{ $name }`; known are { $known }
template-too-much = the template does too much; make it simpler
template-phone-region = the filter `phone` takes a region such as 'UA'
template-date-time-zone = the filter `date` takes a time zone such as 'Europe/Kyiv'
template-date-format = the filter `date` takes a format of strftime such as '%d.%m.%Y'
template-date-input = the filter `date` got what is no date; it reads dates such as 2026-03-31
template-choice-map = the filter `choice` takes a map such as {"{"}'yes': 1, 'no': 2{"}"}
template-engine = the template fails: { $words }

# Leads
no-phone = is not a phone number
no-email = is not an e-mail address
exactly-one-person = name exactly one of phone, email and leadgen_id
not-retried = The lead's state is “{ $state }”: it cannot be retried.
not-in-review = The lead's state is “{ $state }”: only one in review is resolved.
not-now = The lead's state is “{ $state }” by now: that cannot be done.
rules-gone = The lead's bundle or its connection was deleted.
other-account = The lead's client was begun in another RemOnline account. Retry with the original rules.
lead-busy = The lead is being changed by somebody else. Try again in a moment.
order-gone = RemOnline has no order { $id }
order-of-no-person = is not an order of a person
order-of-other-client = is an order of client { $id }
client-gone = RemOnline has no client { $id }
client-settled = the lead's client is { $id } already
only-for-link = belongs to the decision link
order-missing = is missing: the lead's client is settled, its order is not
client-or-order-missing = is missing: name the client or the order
step-interrupted = The program ended while this was sent; it is not sent again.
doubt-several = Clients { $ids } match alike; the first was taken.
doubt-by-phone = Client { $chosen } was taken; by phone it would be { $ids }.
doubt-by-email = Client { $chosen } was taken; by e-mail it would be { $ids }.
