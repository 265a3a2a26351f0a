# Explanations (the message) and fixes (its .fix) of what can stand in the way of a lead.
# Every file in this directory has the same messages; a test compares them.

said-by-remonline = RemOnline answered: { $words }
said-by-meta = Meta answered: { $words }
said-by-us = Details: { $words }
step-in_doubt = More than one client may be this person.
    .fix = Compare them in RemOnline and merge those that are one person.
step-linked = A person said that this is what RemOnline has of the lead.
    .fix = Nothing has to be done.
step-cleared = A person said that RemOnline has nothing of the lead, so it is created.
    .fix = Nothing has to be done.

# RemOnline, by HTTP status

remonline-400 = RemOnline refused the data as incorrect or incomplete.
    .fix = Correct the fields of the bundle that are named here, then retry the lead. Check too which fields your RemOnline forms make required.
remonline-401 = RemOnline refused the API key.
    .fix = Make a new key in RemOnline under Settings > API and enter it in the connection. The leads that wait then run by themselves.
remonline-403 = The employee behind the API key has no right to do this.
    .fix = Give this employee the right to see and change clients and orders in RemOnline, then resume the connection.
remonline-404 = RemOnline does not have what the request names: a client, an order, a location or another id was deleted or never existed.
    .fix = Choose existing ids in the bundle, then retry the lead.
remonline-405 = RemOnline gives the API key no access to this part of the account.
    .fix = Give the employee behind the key access to it in RemOnline, or use the key of another employee, then resume the connection.
remonline-422 = RemOnline understood the request and refused its values.
    .fix = Correct the fields of the bundle that are named here, then retry the lead.
remonline-429 = RemOnline takes 3 requests a second, and there were more.
    .fix = Nothing to do: the lead goes on by itself. If it happens often, other programs use the same account; let them send less.
remonline-500 = RemOnline failed inside.
    .fix = Nothing to do: the lead goes on by itself. Before anything is sent again, RemOnline is asked whether it already has it.
remonline-502 = RemOnline could not be reached behind its gateway.
    .fix = Nothing to do: the lead goes on by itself when RemOnline is back.
remonline-503 = RemOnline is not available for the moment.
    .fix = Nothing to do: the lead goes on by itself when RemOnline is back.
remonline-504 = RemOnline took too long to answer its gateway.
    .fix = Nothing to do: the lead goes on by itself. Before anything is sent again, RemOnline is asked whether it already has it.

# Meta, by Graph API code and subcode

graph-1 = Meta failed for an unknown reason.
    .fix = Nothing to do: the lead is tried again by itself.
graph-2 = A service of Meta is out of order.
    .fix = Nothing to do: the lead is tried again by itself.
graph-2-1892058 = The form already has a test lead.
    .fix = Delete the old test lead in the Lead Ads Testing tool, then make a new one.
graph-3 = The Meta app may not make this call.
    .fix = Add the missing product or capability to the app at developers.facebook.com.
graph-4 = The Meta app made too many calls.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-10 = The page token lacks a permission.
    .fix = Grant the app leads_retrieval, pages_show_list, pages_manage_metadata and pages_read_engagement, make a new page token and enter it in the connection.
graph-17 = The person behind the token made too many calls.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-32 = There were too many calls for this page.
    .fix = Nothing to do: the lead goes on by itself. Use a page token instead of a user token if it happens often.
graph-100 = Meta did not accept the request.
    .fix = If Meta names a permission, grant it and enter a new page token. Otherwise report it with the lead's id.
graph-100-33 = Meta does not show this lead: it was deleted, is older than 90 days, or is kept from this token.
    .fix = Look for the lead in the Leads Center. If it is there, give the app access in Leads Access Manager, then retry.
graph-100-2804003 = The event is older than 7 days, and Meta takes no older ones.
    .fix = Nothing to do.
graph-102 = The token is no longer valid.
    .fix = Make a new page token and enter it in the connection. The leads that wait then run by themselves.
graph-103 = Leads Access Manager keeps the leads of this page from the app.
    .fix = Let an admin of the business grant the app in Business settings > Integrations > Leads access, then resume the connection.
graph-104 = The request carried no token.
    .fix = Enter a page token in the connection.
graph-190 = Meta refused the page token.
    .fix = Make a new page token and enter it in the connection. The leads that wait then run by themselves.
graph-190-458 = The person removed the app, so the token is no longer valid.
    .fix = Add the app again, make a new page token and enter it in the connection.
graph-190-459 = Facebook wants the person behind the token to confirm the account.
    .fix = Log in at facebook.com as this person, follow what it asks, then enter a new page token in the connection.
graph-190-460 = The person behind the token changed the password, so the token is no longer valid.
    .fix = Make a new page token and enter it in the connection. A token of a system user does not have this trouble.
graph-190-463 = The page token has expired.
    .fix = Make a new one from a long-lived user token or a system user, so that it does not expire, and enter it in the connection.
graph-190-464 = The account of the person behind the token is not confirmed.
    .fix = Log in at facebook.com as this person and confirm the account, then enter a new page token in the connection.
graph-190-467 = The token was revoked.
    .fix = Make a new page token and enter it in the connection.
graph-190-492 = The person behind the token no longer has a role on the page.
    .fix = Let an admin of the page make a page token and enter it in the connection.
graph-190-2069032 = The token is not a page token.
    .fix = Make a token of the page itself (GET /me/accounts shows it) and enter it in the connection.
graph-200 = The page token lacks a permission, or it was taken away.
    .fix = Grant the app leads_retrieval, pages_show_list, pages_manage_metadata and pages_read_engagement, make a new page token and enter it in the connection.
graph-341 = Meta limits the calls of the app for the moment.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-368 = Meta blocked the app or the person for a policy reason.
    .fix = Read the message in Meta's account quality page and solve it there, then resume the connection.
graph-613 = Meta's limit for this kind of call is reached.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-803 = Meta does not know this id.
    .fix = Choose an existing page or form.
graph-2200 = Meta could not verify the webhook address.
    .fix = Check that the webhook address is public, answers over HTTPS, and that both sides have the same verify token.
graph-2500 = The token is not valid for this call.
    .fix = Make a new page token and enter it in the connection.
graph-2635 = This version of the Graph API has ended.
    .fix = Set GRAPH_API_URL to a newer version.
graph-80000 = The limit of calls for the ad account is reached.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-80001 = The limit of calls for the page is reached.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-80004 = The limit of calls for the ad account is reached.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.
graph-80005 = The limit of lead calls for the page is reached.
    .fix = Nothing to do: the lead goes on by itself when Meta allows it.

# Reasons of a transaction

reason-throttled = The other side asks for a pause.
    .fix = Nothing to do: the lead goes on by itself.
reason-remonline_unavailable = RemOnline does not answer.
    .fix = Nothing to do: the lead goes on by itself when RemOnline is back.
reason-graph_unavailable = Meta does not answer.
    .fix = Nothing to do: the lead goes on by itself when Meta is back.
reason-lead_not_ready = Meta announced the lead and does not show it yet.
    .fix = Nothing to do: it is tried again for an hour.
reason-outcome_unknown = The request was sent and its answer was lost, so it is not known whether RemOnline carried it out.
    .fix = While the lead waits, there is nothing to do: RemOnline is asked. In review: look in RemOnline for the client and the order, then link them or have them created.
reason-bundle_stopped = The bundle is stopped.
    .fix = Start the bundle: its leads then run.
reason-mapping = The bundle could not be applied: a template failed, or a required field came out empty. Nothing was sent.
    .fix = Correct the bundle; the preview shows the result. Then retry the lead.
reason-rejected = RemOnline refused the data.
    .fix = Correct the fields of the bundle that are named here, then retry the lead.
reason-key_rejected = RemOnline refused the API key.
    .fix = Enter a new API key in the connection. The leads that wait then run by themselves.
reason-forbidden = The key or token lacks a right.
    .fix = Grant the right on the other side, then resume the connection.
reason-graph_token = Meta refused the page token.
    .fix = Enter a new page token in the connection. The leads that wait then run by themselves.
reason-lead_unreadable = Meta does not show this lead: it was deleted, is older than 90 days, or is kept from this token.
    .fix = Look for the lead in the Leads Center. If it is there, give the app access in Leads Access Manager, then retry.
reason-expired = It was tried for 14 days without success.
    .fix = Find the cause with the steps above, then retry the lead.
reason-panicked = The program failed on this lead twice.
    .fix = Report it with the lead's id. After an update, retry the lead.
reason-paused = The connection is paused.
    .fix = Resume the connection: its leads then run.
reason-suspected_double = RemOnline has an order that may be this lead's, without its marker.
    .fix = Compare it in RemOnline, then link it or have a new order created.
reason-filtered = The filter of the bundle says no.
    .fix = Nothing to do. If it should say yes, change the filter.
reason-test_lead = This is one of Meta's dummy test leads.
    .fix = Nothing to do. To have them processed, set test_leads to process in the bundle.
reason-no_client = The bundle only updates clients, and RemOnline has none that fits.
    .fix = Nothing to do. To have clients created, choose another mode for duplicates.
reason-stale = The lead is older than Meta keeps leads.
    .fix = Nothing to do.
reason-dismissed = A person decided to leave this lead out.
    .fix = Nothing to do.

# The connection doctor

check-api_key-passed = The key opens { $name }.
check-people-passed = Clients can be read.
check-orders-passed = Orders can be read.
check-locations-passed = Locations can be read: { $count }.
check-order_types-passed = Order types can be read: { $count }.
check-statuses-passed = Order statuses can be read: { $count }.
check-page_token-passed = The token opens the page { $name }.
check-lead_access-passed = Leads Access Manager lets the app read leads.
check-terms-passed = The page accepted the terms of lead ads.
check-terms-failed = The page has not accepted the terms of lead ads, so it cannot collect leads.
    .fix = Accept them as an admin of the page: facebook.com/ads/leadgen/tos.
check-permissions-passed = The token has every permission it needs.
check-token_expiry-passed = The token does not end soon.
check-token_expiry-failed = The token, or its access to data, ends within 14 days.
    .fix = Make a new page token, best of a system user, and enter it in the connection.
check-forms-passed = Forms can be read: { $count }.
check-page_subscription-passed = The page tells the app about its leads.
check-page_subscription-failed = The page does not tell the app about its leads.
    .fix = Resume the connection, or enter its token again: that subscribes the page.
check-app_subscription-passed = Meta sends page leads to the app's webhook.
check-app_subscription-failed = Meta does not send page leads to the app's webhook.
    .fix = In the app's dashboard under Webhooks, subscribe to the field leadgen of the object page.
check-bundle = Bundle { $bundle }:
check-form-passed = Bundle { $bundle }: its form is there and takes leads.
check-form-gone = Bundle { $bundle }: the page has no form { $form } any more (field /source/form_id).
    .fix = Choose another form in the bundle, or stop the bundle.
check-form-status = Bundle { $bundle }: its form takes no leads, Meta calls it { $status } (field /source/form_id).
    .fix = Activate the form in Meta's Forms Library, or choose another one in the bundle.
check-questions-passed = Bundle { $bundle }: its form asks every question that the bundle names.
check-questions-gone = Bundle { $bundle }, field { $field }: the form does not ask { $question }, so its answer is always empty.
    .fix = Put a question of the form there: choices/questions lists them.
check-references-passed = Bundle { $bundle }: RemOnline has everything that the bundle names.
check-references-gone = Bundle { $bundle }, field { $field }: RemOnline has no { $id } any more.
    .fix = Choose one that exists in the bundle, or restore it in RemOnline.

# Keys of somebody else

key-of-other-company = The key belongs to { $other }, the connection to { $own }.
    .fix = Make a connection of its own for it.
token-of-other-page = The token belongs to { $name } ({ $id }), not to this page.
    .fix = Make a token of the page itself and enter it.

# Sign-in. What follows the message is the text of a link.

signed-out = You are signed out.
    .fix = Sign in again
sign-in-stale = This sign-in took too long, or was begun in another browser or window.
    .fix = Sign in again
sign-in-refused = The sign-in service did not confirm who you are, or its answer is not meant for this console.
    .fix = Try to sign in again
sign-in-unreachable = The sign-in service cannot be reached right now.
    .fix = Try to sign in again
