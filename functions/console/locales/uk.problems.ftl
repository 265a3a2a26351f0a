# Що не так із запитом і що робити.

several-fields = Полів із помилками: { $count }.
console-failed = Збій консолі. Причина — в журналі.
tables-unavailable = Таблиці зараз недоступні. Спробуйте за мить ще раз.
key-service-unavailable = Служба ключів зараз недоступна. Спробуйте за мить ще раз.
quarantine-unavailable = Черга карантину не відповідає. Спробуйте за мить ще раз.
changed-meanwhile = Тим часом це змінили. Прочитайте ще раз і повторіть зміну.

# Адреси
no-such-path = За цією адресою нічого немає. Див. /api/openapi.json.
no-such-method = Ця адреса не приймає такого методу. Див. заголовок Allow.
no-such-id = В адресі є щось, що не є ідентифікатором.
no-transaction = Такої транзакції немає.
no-bundle = Такої звʼязки немає.
no-connection = Такого підключення немає.
no-form = Такої форми немає.
no-page = Такої сторінки немає.
no-version = Такої версії немає.
no-lead = Такого ліда немає.
no-language = Такої мови немає.

# Тіло запиту і параметри
body-unread = Тіло запиту не читається: { $words }
no-json = Тіло запиту — не обʼєкт JSON: { $words }.
no-yaml = Документ — не YAML: { $words }
value-missing = бракує поля { $field }
value-unknown-field = невідоме поле `{ $field }`; можливі: { $known }
value-unknown-choice = невідоме значення `{ $given }`; можливі: { $known }
value-no-literal = має бути текст, ціле число, true або false
value-no-slug = ідентифікатор має від 1 до 40 знаків: a-z, 0-9 і -
value-no-meta-id = ідентифікатор Meta має від 1 до 20 цифр
value-unfit = значення не підходить: { $words }
query-wrong = Помилка в параметрах: { $why }.
query-parameter-wrong = `{ $name }`: { $why }.
query-cursor = `cursor`: не курсор цього списку; почніть без нього.
query-limit = `limit`: має бути від 1 до { $most }.
query-no-form = `form_id`: бракує; вкажіть, чиї запитання.
query-no-phone = `phone`: це не номер телефону.
query-no-email = `email`: це не адреса електронної пошти.
query-to = `to`: має бути шлях у консолі, як-от /api/connections.

# Хто може увійти
closed-loopback = Консоль закрита. Вона працює без входу і відповідає лише на цьому ж компʼютері.
closed-no-sign-in = Консоль закрита. Задайте OIDC_ISSUER і OIDC_CLIENT_ID, щоб визначити, хто може увійти.
closed-sign-in = Консоль закрита. Спершу треба увійти.
foreign-origin = Цей запит надіслала стороння сторінка.
foreign-page = Цей запит надіслала не сторінка консолі.
sign-in-first = Увійдіть або надішліть токен провайдера входу як Bearer.
token-no-good = Токен не підходить: { $why }.
issuer-unreachable = провайдер входу не відповідає або відповідає не так; причина — в журналі
attempt-stale = вхід тривав надто довго або його почав інший браузер
refused-no-id-token = провайдер входу не надіслав ID-токена
refused-no-token = це не підписаний токен провайдера входу
refused-code = провайдер входу не приймає коду
refused-person = провайдер входу не впустив користувача
refused-expired = строк його дії минув
refused-audience = він призначений для іншого клієнта
refused-issuer = він від іншого провайдера входу
refused-nonce = це відповідь на інший вхід
refused-signature = його підпис не належить провайдеру входу
refused-other = він недійсний або ще не дійсний

# Підключення
id-taken = Цей ідентифікатор зайнятий. Виберіть інший.
title-length = має містити від 1 до { $most } знаків
credential-missing = бракує: потрібно для підключення виду { $kind }
credential-superfluous = зайве для підключення виду { $kind }
connection-used = Підключення використовує звʼязка { $bundle }. Змініть або видаліть її.
connection-gone = Підключення { $id } вже немає.
connection-not-in-use = Підключення { $id } не працює. Спершу відновіть його.
connection-not-remonline = Підключення { $id } веде не до RemOnline.
connection-not-facebook = Підключення { $id } веде не до Facebook.
not-remonline = Підключення веде не до RemOnline.
no-key = Підключення не має ключа. Введіть його.
key-unopenable = Ключ підключення не розшифровується. Введіть його заново.
no-app-id = Щоб увійти через Facebook, задайте FACEBOOK_APP_ID.
login-stale = Цей вхід почато не в цьому браузері або надто давно. Почніть знову.

# Звʼязки
id-fixed = змінити не можна; не вказуйте його або створіть іншу звʼязку
if-match-missing = Надішліть If-Match з ETag версії, яку треба замінити.
version-stale = Звʼязка вже має іншу версію. Прочитайте її ще раз і повторіть зміну.
no-facebook-connection = це не підключення виду facebook; спершу створіть його
no-remonline-connection = це не підключення виду remonline; спершу створіть його
connection-not-there = підключення { $id } немає; спершу створіть його
connection-is-paused = підключення { $id } призупинене; спершу відновіть його
connection-key-refused = ключ підключення { $id } відхилено; введіть новий
connection-lacks-right = підключенню { $id } бракує права; надайте його і відновіть підключення
page-has-no-form = на сторінці немає форми { $id }
id-not-there = у RemOnline тут немає { $id }; виберіть те, що є
answers-or-lead = вкажіть або `answers`, або `leadgen_id`
lead-not-shown = Meta не показує цього ліда
since-future = це в майбутньому
since-too-old = це понад 90 днів тому: довше Meta лідів не зберігає
remonline-gone = Підключення RemOnline цієї звʼязки вже немає.

fault-empty = не може бути порожнім
fault-required = обовʼязкове поле; заповніть його
fault-came-out-empty = обовʼязкове поле вийшло порожнім; задайте стале значення або значення за замовчуванням
fault-form-id = має бути ідентифікатор форми, від 1 до 20 цифр, або *
fault-country = має бути країна, як-от UA
fault-time-zone = має бути часовий пояс, як-от Europe/Kyiv
fault-custom-key = має називатися f і номером поля, як-от f5001
fault-number = має бути номер із RemOnline, як-от 15001
fault-flag = має бути true або false
fault-moment = мають бути дата й час, як-от 2026-03-31 15:00
fault-date = має бути дата, як-от 1990-03-31
fault-client-key = має називати phone, email або обидва
fault-order-key = має називати client_id
fault-repeated-key = має називати кожен ключ один раз
fault-client-field = клієнт не має такого поля; власні поля називаються так: f5001
fault-not-appendable = дописувати можна лише до текстів
fault-days = має бути від 1 до 3650 днів
template-at = рядок { $line }, знак { $column }: { $fault }
template-syntax = помилка в записі: { $words }
template-unknown-name = `{ $name }` немає; є { $known }
template-too-much = шаблон робить забагато; спростіть його
template-phone-region = фільтр `phone` приймає країну, як-от 'UA'
template-date-time-zone = фільтр `date` приймає часовий пояс, як-от 'Europe/Kyiv'
template-date-format = фільтр `date` приймає формат strftime, як-от '%d.%m.%Y'
template-date-input = фільтр `date` отримав не дату; він читає дати на зразок 2026-03-31
template-choice-map = фільтр `choice` приймає відповідності, як-от {"{"}'так': 1, 'ні': 2{"}"}
template-engine = шаблон не працює: { $words }

# Ліди
no-phone = це не номер телефону
no-email = це не адреса електронної пошти
exactly-one-person = вкажіть рівно одне: phone, email або leadgen_id
not-retried = Стан ліда — «{ $state }»: повторити його не можна.
not-in-review = Стан ліда — «{ $state }»: вирішити можна лише той, що на перевірці.
not-now = Лід тепер у стані «{ $state }»: цього зробити не можна.
rules-gone = Звʼязку ліда або її підключення видалено.
other-account = Клієнта цього ліда почато в іншому акаунті RemOnline. Повторіть за початковими правилами.
lead-busy = Лід саме змінює хтось інший. Спробуйте за мить ще раз.
order-gone = у RemOnline немає замовлення { $id }
order-of-no-person = це замовлення не фізичної особи
order-of-other-client = це замовлення клієнта { $id }
client-gone = у RemOnline немає клієнта { $id }
client-settled = клієнта ліда вже визначено: { $id }
only-for-link = потрібне лише для рішення link
order-missing = бракує: клієнта ліда визначено, а замовлення — ні
client-or-order-missing = бракує: вкажіть клієнта або замовлення
step-interrupted = Програма завершилася під час надсилання; удруге це не надсилається.
doubt-several = Клієнти { $ids } підходять однаково; взято першого.
doubt-by-phone = Взято клієнта { $chosen }; за телефоном це був би { $ids }.
doubt-by-email = Взято клієнта { $chosen }; за поштою це був би { $ids }.
